"""Some machines offer a few services and nothing else: a bastion is no web server, a firewall keeps no database."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from beffroi.city import City, Gateway, Host, Zone
from beffroi.city.words import Flag, Name
from beffroi.network.invariants import Written

from . import Breach, Proposal, RuleModel
from ._ports import ports_of, ports_written, within


class Params(RuleModel):
    """Which machines: those of some `roles`, hosts of some `zones`, all `gateways`; and the ports `allowed` there."""

    roles: tuple[Name, ...] = ()
    zones: tuple[Zone, ...] = ()
    gateways: Flag = False
    allowed: Annotated[tuple[Written, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _about_some(self) -> Self:
        if not (self.roles or self.zones or self.gateways):
            raise PydanticCustomError("offered_ports_about", "name roles, zones or gateways")  # noqa: EM101
        return self


def find(proposal: Proposal, params: Params) -> Iterator[Breach]:
    """Yield the machines that offer anything else, once for each such service."""
    city, allowed = proposal.city, ports_written(params.allowed)
    for name, machine in city.machines().items():
        if not _concerned(city, machine, params):
            continue
        section = "gateways" if name in city.gateways else "hosts"
        for index, service in enumerate(machine.services):
            if not within(ports_of(city.services[service]), allowed):
                yield Breach(name, (section, name, "services", index), {"machine": name, "service": service})


def _concerned(city: City, machine: Host | Gateway, params: Params) -> bool:
    if isinstance(machine, Gateway):
        return params.gateways or bool(set(machine.roles) & set(params.roles))
    stands = {city.segments[segment].zone for segment in machine.interfaces}
    return bool(set(machine.roles) & set(params.roles) or stands & set(params.zones))
