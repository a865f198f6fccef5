"""What stands in which zone: backups apart, the bastion in administration, cameras and sensors on their own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from beffroi.city import Zone
from beffroi.city.machines import FleetKind
from beffroi.city.words import Name

from . import Breach, Proposal, RuleModel


class Params(RuleModel):
    """The hosts that play some `roles` and the fleets of some `kinds`, and the `zones` that they may stand in."""

    roles: tuple[Name, ...] = ()
    kinds: tuple[FleetKind, ...] = ()
    zones: Annotated[tuple[Zone, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _about_some(self) -> Self:
        if not (self.roles or self.kinds):
            raise PydanticCustomError("stands_in_about", "name roles or kinds of fleets")  # noqa: EM101
        return self


def find(proposal: Proposal, params: Params) -> Iterator[Breach]:
    """Yield the hosts and the fleets that stand, be it with one foot, in another zone."""
    city = proposal.city
    for name, host in city.hosts.items():
        outside = [segment for segment in host.interfaces if city.segments[segment].zone not in params.zones]
        if outside and set(host.roles) & set(params.roles):
            names = {"name": name, "segment": outside[0], "zones": ", ".join(params.zones)}
            yield Breach(name, ("hosts", name, "interfaces", outside[0]), names)
    for name, fleet in city.fleets.items():
        if fleet.kind in params.kinds and city.segments[fleet.segment].zone not in params.zones:
            names = {"name": name, "segment": fleet.segment, "zones": ", ".join(params.zones)}
            yield Breach(name, ("fleets", name, "segment"), names)
