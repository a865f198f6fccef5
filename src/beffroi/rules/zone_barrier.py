"""No flow goes from one set of trust zones to another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from beffroi.city import Zone
from beffroi.city.words import Name

from . import Breach, Proposal, RuleModel
from ._endpoints import pairs, zones


class Params(RuleModel):
    """The zones that must not reach (`sources`), those that must not be reached (`destinations`).

    Machines of `except_roles` may cross.
    """

    sources: Annotated[tuple[Zone, ...], Field(min_length=1)]
    destinations: Annotated[tuple[Zone, ...], Field(min_length=1)]
    except_roles: tuple[Name, ...] = ()


def find(proposal: Proposal, params: Params) -> Iterator[Breach]:
    """Yield the flows that cross the barrier."""
    city = proposal.city
    spared = {name for role in params.except_roles for name in city.hosts_with_role(role)}
    for index, flow, source, destination in pairs(city):
        if source in spared:
            continue
        if zones(city, source) & set(params.sources) and zones(city, destination) & set(params.destinations):
            names = {"flow": flow.name, "source": source, "destination": destination, "service": flow.service}
            yield Breach(flow.name, ("flows", index), names)
