"""A flow that was opened for a time closes when it was said to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from . import Breach, Proposal, RuleModel

ON_CHANGE = True


class Params(RuleModel):
    """What became of the end date: a `later` one, or none at all (`never`)."""

    ends: Literal["later", "never"]


def find(proposal: Proposal, params: Params) -> Iterator[Breach]:
    """Yield the flows that had an end date and whose end is now later, or never."""
    if proposal.before is None:
        return
    known = {flow.name: flow.until for flow in proposal.before.city.flows}
    for index, flow in enumerate(proposal.city.flows):
        was, now = known.get(flow.name), flow.until
        if was is None or (now is None) != (params.ends == "never"):
            continue
        if now is None or now > was:
            names = {"flow": flow.name, "before": was.isoformat(), "after": now.isoformat() if now else "-"}
            yield Breach(flow.name, ("flows", index, "until"), names)
