"""What comes from the internet reaches the zones made for it, and gateways or other zones never."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from beffroi.city import Zone

from . import Breach, Proposal, RuleModel
from ._endpoints import pairs, zones


class Params(RuleModel):
    """The zones that the internet may reach."""

    zones: Annotated[tuple[Zone, ...], Field(min_length=1)] = (Zone.EXPOSED,)


def find(proposal: Proposal, params: Params) -> Iterator[Breach]:
    """Yield the flows from the internet to anything that does not stand wholly in the allowed zones."""
    city = proposal.city
    for index, flow, source, destination in pairs(city):
        reached = zones(city, destination)
        if Zone.INTERNET in zones(city, source) and not (reached and reached <= set(params.zones)):
            names = {"flow": flow.name, "destination": destination, "service": flow.service}
            yield Breach(flow.name, ("flows", index), names)
