"""Flows from some zones to others open known ports alone: what the internet may ask for, what desks may ask of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from beffroi.city import Zone
from beffroi.network.invariants import Written

from . import Breach, Proposal, RuleModel
from ._endpoints import pairs, zones
from ._ports import ports_of, ports_written, within


class Params(RuleModel):
    """The zones of the sources and of the destinations (any, when none is given), and the ports `allowed` there."""

    sources: tuple[Zone, ...] = ()
    destinations: tuple[Zone, ...] = ()
    allowed: Annotated[tuple[Written, ...], Field(min_length=1)]


def find(proposal: Proposal, params: Params) -> Iterator[Breach]:
    """Yield the flows that open anything else, each once; a range counts whole."""
    city, allowed = proposal.city, ports_written(params.allowed)
    found: set[int] = set()
    for index, flow, source, destination in pairs(city):
        starts, ends = zones(city, source), zones(city, destination)
        concerned = _among(starts, params.sources) and _among(ends, params.destinations) and index not in found
        if concerned and not within(ports_of(city.services[flow.service]), allowed):
            found.add(index)
            names = {"flow": flow.name, "source": source, "destination": destination, "service": flow.service}
            yield Breach(flow.name, ("flows", index, "service"), names)


def _among(stood: frozenset[Zone], named: tuple[Zone, ...]) -> bool:
    return not named or bool(stood & set(named))
