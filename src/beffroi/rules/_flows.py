"""The flows of a town, as they stood and as they would stand."""

from __future__ import annotations

from collections.abc import Iterator

from beffroi.city import Flow

from . import Proposal


def pairs(proposal: Proposal) -> Iterator[tuple[Flow, int, Flow]]:
    """Yield each flow that goes on: as it was, its position now, as it is.

    One that takes another name is the same, if it goes between the same ends as one that is gone.
    """
    if proposal.before is None:
        return
    known = {flow.name: flow for flow in proposal.before.city.flows}
    names = {flow.name for flow in proposal.city.flows}
    gone = {_ends(flow): flow for name, flow in known.items() if name not in names}
    for index, flow in enumerate(proposal.city.flows):
        old = known.get(flow.name) or gone.get(_ends(flow))
        if old:
            yield old, index, flow


def _ends(flow: Flow) -> tuple[frozenset[str], frozenset[str]]:
    return frozenset(flow.source), frozenset(flow.destination)
