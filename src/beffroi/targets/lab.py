"""The embedded target: the lab on this computer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi

from beffroi import __version__
from beffroi.city import INTERNET, City, Fleet, Interface, Segment, Zone
from beffroi.lab.resources import LabMachine, LabNetwork, LabSegment, LabStation, lab_provider
from beffroi.network.routing import Route, segment_gateway, uplink_next_hop, uplink_routes
from beffroi.provider.declare import declare
from beffroi.targets import MachineDeclaration, Provisioned

MIRROR_ROLE, MIRROR_FOLDER = "package-mirror", "/srv/mirror"


_PROVIDER = lab_provider(__version__)


@dataclass
class LabTarget:
    """A lab named `lab`: machines are overlays of `image`; `mirror` is the folder of the signed package repository."""

    lab: str
    city: City
    image: Path
    mirror: Path
    authorized_key: str
    console_password: pulumi.Output[str]
    _network: pulumi.Resource | None = None

    def segment(self, name: str, segment: Segment, parent: pulumi.Resource) -> pulumi.Resource:
        """Declare a bridge in the lab's namespace, and the namespace itself the first time."""
        if self._network is None:
            self._network = declare(_PROVIDER, LabNetwork, "lab", {"lab": self.lab})
        inputs = {
            "lab": self.lab,
            "name": name,
            "vlan": segment.vlan,
            "ipv4": str(segment.ipv4),
            "ipv6": str(segment.ipv6),
        }
        opts = pulumi.ResourceOptions(parent=parent, depends_on=[self._network], deleted_with=self._network)
        return declare(_PROVIDER, LabSegment, name, inputs, opts)

    def machine(
        self, declaration: MachineDeclaration, parent: pulumi.Resource, needs: list[pulumi.Resource]
    ) -> Provisioned:
        """Declare a Debian machine; the package mirror finds its repository mounted read-only."""
        volumes = [[str(self.mirror), MIRROR_FOLDER]] if MIRROR_ROLE in declaration.roles else []
        inputs = {
            "lab": self.lab,
            "name": declaration.name,
            "image": str(self.image),
            "links": [{"segment": name, "addresses": list(addresses)} for name, addresses in declaration.links],
            "routes": [{"to": to, "via": via} for to, via in declaration.routes],
            "volumes": volumes,
            "authorizedKey": self.authorized_key,
            "consolePassword": self.console_password,
            "running": True,
        }
        opts = pulumi.ResourceOptions(parent=parent, depends_on=needs)
        resource = declare(_PROVIDER, LabMachine, declaration.name, inputs, opts)
        return Provisioned(resource, resource.output("hostKey"))

    def surroundings(self, fleets: dict[str, Fleet], parent: pulumi.Resource, needs: list[pulumi.Resource]) -> None:
        """Declare a station for the first device of each fleet, and one for the internet."""
        opts = pulumi.ResourceOptions(parent=parent, depends_on=needs)
        for name, fleet in fleets.items():
            declare(_PROVIDER, LabStation, name, self._station(name, *self._of_fleet(fleet)), opts)
        if INTERNET in self.city.segments:
            declare(_PROVIDER, LabStation, INTERNET, self._station(INTERNET, *self._of_internet()), opts)

    def _station(self, name: str, links: list[dict[str, Any]], routes: list[tuple[str, str]]) -> dict[str, Any]:
        hops = [{"to": to, "via": via} for to, via in sorted(routes)]
        return {"lab": self.lab, "name": name, "links": links, "routes": hops}

    def _of_fleet(self, fleet: Fleet) -> tuple[list[dict[str, Any]], list[tuple[str, str]]]:
        segment = self.city.segments[fleet.segment]
        addresses = [
            f"{fleet.first_ipv4()}/{segment.ipv4.prefixlen}",
            f"{fleet.ipv6[1]}/{segment.ipv6.prefixlen}",
        ]
        gateway = segment_interface(self.city, fleet.segment)
        routes = [("default", str(gateway.ipv4)), ("default", str(gateway.ipv6))] if gateway else []
        return [{"segment": fleet.segment, "addresses": addresses}], routes

    def _of_internet(self) -> tuple[list[dict[str, Any]], list[tuple[str, str]]]:
        segment = self.city.segments[INTERNET]
        ours = uplink_next_hop(self.city)
        if ours is None:
            return [], []
        addresses = [f"{ours.ipv4}/{segment.ipv4.prefixlen}", f"{ours.ipv6}/{segment.ipv6.prefixlen}"]
        return [{"segment": INTERNET, "addresses": addresses}], [_hop(route) for route in uplink_routes(self.city)]


def segment_interface(declared: City, segment: str) -> Interface | None:
    """Return the interface of the gateway that members of `segment` send their traffic to, or None."""
    gateway = segment_gateway(declared, segment)
    return declared.gateways[gateway].interfaces[segment] if gateway else None


def _hop(route: Route) -> tuple[str, str]:
    return ("default" if route.is_default else str(route.to), str(route.via))


def workstation(declared: City) -> str | None:
    """Return the fleet from whose first device the town is administered: workstations in an administration segment."""
    for name, fleet in declared.fleets.items():
        if fleet.kind == "workstations" and declared.segments[fleet.segment].zone == Zone.ADMINISTRATION:
            return name
    return None
