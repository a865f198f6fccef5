"""The same opening, for the same processing, said twice: closing one of the two closes nothing."""

from __future__ import annotations

from collections.abc import Iterator

from . import Breach, Proposal, RuleModel
from ._endpoints import pairs


class Params(RuleModel):
    """Nothing to set."""


def find(proposal: Proposal, _params: Params) -> Iterator[Breach]:
    """Yield each flow that opens what an earlier one opens already, for the same activity or for none."""
    first: dict[tuple[str, str, str, str | None], str] = {}
    found: set[int] = set()
    for index, flow, source, destination in pairs(proposal.city):
        earlier = first.setdefault((source, destination, flow.service, flow.processing), flow.name)
        if earlier != flow.name and index not in found:
            found.add(index)
            names = {"flow": flow.name, "earlier": earlier, "source": source, "destination": destination}
            yield Breach(flow.name, ("flows", index), names)
