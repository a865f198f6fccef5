"""The whole city: segments, gateways and servers, and the surroundings that a lab stands in for."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from beffroi import city as model
from beffroi.targets import Target
from beffroi.waiver import Waiver

from .declared import CITY, city_inputs
from .gateway import Gateway
from .segment import Segment
from .server import Server


class City(pulumi.ComponentResource):
    """Everything that the town declares, on one target. `host_keys` gives each machine's public SSH host key.

    Its inputs are the whole declaration and the town's waivers: what a policy pack judges.
    """

    def __init__(
        self,
        city: model.City,
        target: Target,
        opts: pulumi.ResourceOptions | None = None,
        *,
        waivers: Sequence[Waiver] = (),
    ) -> None:
        super().__init__(CITY, city.town.name, city_inputs(city, waivers), opts)
        inside = pulumi.ResourceOptions(parent=self)
        segments = {name: Segment(name, segment, target, inside) for name, segment in city.segments.items()}
        machines = {name: Gateway(name, city, segments, target, inside) for name in city.gateways}
        servers = {name: Server(name, city, segments, target, inside) for name in city.hosts}
        target.surroundings(city.fleets, parent=self, needs=[segment.network for segment in segments.values()])
        self.host_keys = pulumi.Output.all(
            **{name: machine.host_key for name, machine in {**machines, **servers}.items()}
        )
        self.register_outputs({"hostKeys": self.host_keys})
