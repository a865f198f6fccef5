"""A managed server of the city."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi

from beffroi import city as model
from beffroi.network.routing import routes
from beffroi.targets import MachineDeclaration, Target

from .declared import SERVER, plain
from .segment import Segment


class Machine(pulumi.ComponentResource):
    """What servers and gateways share: interfaces on segments, static routes, a known SSH host key."""

    kind = "beffroi:city:Machine"

    def __init__(
        self, name: str, city: model.City, segments: Mapping[str, Segment], target: Target, opts: pulumi.ResourceOptions
    ) -> None:
        super().__init__(self.kind, name, plain(city.machines()[name]), opts)
        needs: list[pulumi.Resource] = [segments[segment].network for segment in city.machines()[name].interfaces]
        provisioned = target.machine(declaration(city, name), parent=self, needs=needs)
        self.host_key = provisioned.host_key
        self.register_outputs({"hostKey": self.host_key})


class Server(Machine):
    """A managed server."""

    kind = SERVER


def declaration(city: model.City, name: str) -> MachineDeclaration:
    """Return what a target must know of the machine `name`. Pure."""
    machine = city.machines()[name]
    links = tuple(
        (
            segment,
            (
                f"{interface.ipv4}/{city.segments[segment].ipv4.prefixlen}",
                f"{interface.ipv6}/{city.segments[segment].ipv6.prefixlen}",
            ),
        )
        for segment, interface in sorted(machine.interfaces.items())
    )
    hops = [("default" if route.is_default else str(route.to), str(route.via)) for route in routes(city, name)]
    return MachineDeclaration(name=name, links=links, routes=tuple(sorted(hops)), roles=machine.roles)
