"""Every managed machine has a way to the machine that serves them all: logs, the time, packages.

A town where nobody plays the role is for another rule to judge.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from beffroi.city import City
from beffroi.city.words import Name
from beffroi.network.invariants import Written

from . import Breach, Proposal, RuleModel
from ._endpoints import pairs
from ._ports import meet, ports_of, ports_written


class Params(RuleModel):
    """The `role` that serves, and the `ports` of which one at least must be open to it."""

    role: Name
    ports: Annotated[tuple[Written, ...], Field(min_length=1)]


def find(proposal: Proposal, params: Params) -> Iterator[Breach]:
    """Yield the machines that no flow leads from to a machine of the role; a segment stands for its machines."""
    city = proposal.city
    servers = city.hosts_with_role(params.role)
    if not servers:
        return
    served, wanted = set(servers), ports_written(params.ports)
    for _, flow, source, destination in pairs(city):
        if meet(ports_of(city.services[flow.service]), wanted) and _machines(city, destination) & set(servers):
            served |= _machines(city, source)
    for name in city.machines():
        if name not in served:
            section = "gateways" if name in city.gateways else "hosts"
            yield Breach(name, (section, name), {"machine": name, "role": params.role, "servers": ", ".join(servers)})


def _machines(city: City, endpoint: str) -> set[str]:
    return set(city.members(endpoint)) if endpoint in city.segments else {endpoint} & set(city.machines())
