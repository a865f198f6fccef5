"""No flow goes from one set of trust zones to another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from beffroi.city import Zone

from . import Breach, Proposal, RuleModel
from ._endpoints import pairs, zones


class Params(RuleModel):
    """The zones that must not reach (`sources`), those that must not be reached (`destinations`)."""

    sources: Annotated[tuple[Zone, ...], Field(min_length=1)]
    destinations: Annotated[tuple[Zone, ...], Field(min_length=1)]


def find(proposal: Proposal, params: Params) -> Iterator[Breach]:
    """Yield the flows that cross the barrier."""
    city = proposal.city
    for index, flow, source, destination in pairs(city):
        if zones(city, source) & set(params.sources) and zones(city, destination) & set(params.destinations):
            names = {"flow": flow.name, "source": source, "destination": destination, "service": flow.service}
            yield Breach(flow.name, ("flows", index), names)
