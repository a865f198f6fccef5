"""A port is reached from the machines that play certain roles alone: SSH from the bastion, for example.

The port counts, not the service's name: a service called otherwise on the same port opens the same door.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from beffroi.city import INTERNET, City, Service, Zone
from beffroi.city.words import Name

from . import Breach, Proposal, RuleModel
from ._endpoints import pairs, segments


class Params(RuleModel):
    """The port; the `roles` that may open it anywhere; the `zones` inside whose segments anybody may."""

    protocol: Literal["tcp", "udp"] = "tcp"
    port: Annotated[int, Field(ge=1, le=65535)]
    roles: tuple[Name, ...] = ()
    zones: tuple[Zone, ...] = ()


def find(proposal: Proposal, params: Params) -> Iterator[Breach]:
    """Yield the flows inside the town that open the port from elsewhere."""
    city = proposal.city
    for index, flow, source, destination in pairs(city):
        if destination == INTERNET or not _covers(city.services[flow.service], params):
            continue
        if not _plays(city, source, params) and not _beside(city, source, destination, params):
            names = {"flow": flow.name, "source": source, "destination": destination, "port": str(params.port)}
            yield Breach(flow.name, ("flows", index, "from"), names)


def _covers(service: Service, params: Params) -> bool:
    in_range = any(first <= params.port <= last for first, last in service.ranges())
    return service.protocol == params.protocol and in_range


def _plays(city: City, source: str, params: Params) -> bool:
    machine = city.machines().get(source)
    return machine is not None and bool(set(machine.roles) & set(params.roles))


def _beside(city: City, source: str, destination: str, params: Params) -> bool:
    """Tell whether both stand on one segment of an allowed zone, and the source nowhere else."""
    here = segments(city, source)
    shared = here & segments(city, destination)
    return here == shared and all(city.segments[segment].zone in params.zones for segment in shared)
