"""A flow of the same name opens no more than it did: its name and its purpose were agreed for less."""

from __future__ import annotations

from collections.abc import Iterator

from beffroi.city import INTERNET, City

from . import Breach, Proposal, RuleModel

ON_CHANGE = True


class Params(RuleModel):
    """Nothing to set."""


def find(proposal: Proposal, _params: Params) -> Iterator[Breach]:
    """Yield the flows one of whose sides takes in a whole segment, or the internet, that it did not name."""
    if proposal.before is None:
        return
    known = {flow.name: flow for flow in proposal.before.city.flows}
    for index, flow in enumerate(proposal.city.flows):
        old = known.get(flow.name)
        if old is None:
            continue
        sides = (("from", old.source, flow.source), ("to", old.destination, flow.destination))
        for side, was, now in sides:
            wide = [name for name in now if name not in was and _is_wide(proposal.city, name)]
            if wide:
                names = {"flow": flow.name, "before": ", ".join(was), "after": ", ".join(wide)}
                yield Breach(flow.name, ("flows", index, side), names)
                break


def _is_wide(city: City, endpoint: str) -> bool:
    return endpoint == INTERNET or endpoint in city.segments
