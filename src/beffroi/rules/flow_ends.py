"""What the ends of a flow may be: a machine has a name, a whole segment lets in whatever comes to stand on it."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from beffroi.city import INTERNET, City

from . import Breach, Proposal, RuleModel
from ._endpoints import pairs


class End(StrEnum):
    """What a name in a flow is."""

    INTERNET = "internet"
    SEGMENT = "segment"
    FLEET = "fleet"
    MACHINE = "machine"


class Params(RuleModel):
    """The ends that must not meet: any of `sources` with any of `destinations`."""

    sources: Annotated[tuple[End, ...], Field(min_length=1)]
    destinations: Annotated[tuple[End, ...], Field(min_length=1)]


def find(proposal: Proposal, params: Params) -> Iterator[Breach]:
    """Yield the flows between two such ends."""
    city = proposal.city
    for index, flow, source, destination in pairs(city):
        if _end(city, source) in params.sources and _end(city, destination) in params.destinations:
            names = {"flow": flow.name, "source": source, "destination": destination, "service": flow.service}
            yield Breach(flow.name, ("flows", index), names)


def _end(city: City, name: str) -> End:
    if name == INTERNET:
        return End.INTERNET
    if name in city.segments:
        return End.SEGMENT
    return End.FLEET if name in city.fleets else End.MACHINE
