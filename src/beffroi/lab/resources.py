"""The lab as Pulumi resources: a network, its segments, its machines and its stations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, Field

from beffroi.provider import Created, Gone, Output, Provider, Read, Resource, ResourceInputs, Run

from . import network
from .machine import Machine, MachineSpec
from .network import Link, Route
from .place import LabPlace, require_root
from .station import Station

Replaces = Field(json_schema_extra={"replace": True})
Secret = Field(json_schema_extra={"secret": True})


class LabConfig(BaseModel):
    """The lab's provider takes no configuration: a lab is named by its resources."""


class LinkInputs(ResourceInputs):
    """An interface: named as its segment, with addresses in prefix notation."""

    segment: str
    addresses: list[str]


class RouteInputs(ResourceInputs):
    """A static route: a network or `default`, and the next hop."""

    to: str
    via: str


class NetworkInputs(ResourceInputs):
    """The lab's own network namespace."""

    lab: Annotated[str, Replaces]


class SegmentInputs(ResourceInputs):
    """A segment: a bridge in the lab's namespace. VLAN and networks are recorded; a bridge has no use for them."""

    lab: Annotated[str, Replaces]
    name: Annotated[str, Replaces]
    vlan: int
    ipv4: str
    ipv6: str


class StationInputs(ResourceInputs):
    """A bare namespace on the segments: a device fleet, the internet, the admin workstation."""

    lab: Annotated[str, Replaces]
    name: Annotated[str, Replaces]
    links: list[LinkInputs]
    routes: list[RouteInputs]


class MachineInputs(StationInputs):
    """A Debian machine. `running` is the wanted power state: a machine found off is switched on by the next apply."""

    image: Annotated[str, Replaces]
    volumes: Annotated[list[list[str]], Replaces] = []
    authorized_key: str
    console_password: Annotated[str, Secret]
    running: bool = True


class LabNetwork(Resource[NetworkInputs, LabConfig]):
    """The lab's own network namespace: nothing of the lab is ever in the computer's."""

    token, inputs = "beffroi:lab:Network", NetworkInputs
    delete_before_replace = True

    def create(self, run: Run[LabConfig], inputs: NetworkInputs) -> Created:
        """Make the namespace."""
        require_root()
        network.add_namespace(LabPlace(inputs.lab).network)
        return Created(inputs.lab)

    def read(self, run: Run[LabConfig], id: str, old_inputs: Mapping[str, Any]) -> Read:
        """Look for the namespace."""
        if not network.namespace_exists(LabPlace(id).network):
            raise Gone(id)
        return Read({"lab": id})

    def update(
        self, run: Run[LabConfig], id: str, old: Mapping[str, Any], inputs: NetworkInputs
    ) -> Mapping[str, object]:
        """Nothing can change in place."""
        return {}

    def delete(self, run: Run[LabConfig], id: str, old: Mapping[str, Any]) -> None:
        """Remove the namespace and every bridge in it."""
        require_root()
        network.delete_namespace(LabPlace(id).network)


class LabSegment(Resource[SegmentInputs, LabConfig]):
    """A segment of the lab."""

    token, inputs = "beffroi:lab:Segment", SegmentInputs
    delete_before_replace = True

    def create(self, run: Run[LabConfig], inputs: SegmentInputs) -> Created:
        """Make the bridge."""
        require_root()
        network.add_bridge(LabPlace(inputs.lab), inputs.name)
        return Created(f"{inputs.lab}/{inputs.name}")

    def read(self, run: Run[LabConfig], id: str, old_inputs: Mapping[str, Any]) -> Read:
        """Look for the bridge."""
        require_root()
        lab, _, name = id.partition("/")
        if not network.bridge_exists(LabPlace(lab), name):
            raise Gone(id)
        return Read({"lab": lab, "name": name})

    def update(
        self, run: Run[LabConfig], id: str, old: Mapping[str, Any], inputs: SegmentInputs
    ) -> Mapping[str, object]:
        """Nothing of a bridge follows what can change."""
        return {}

    def delete(self, run: Run[LabConfig], id: str, old: Mapping[str, Any]) -> None:
        """Remove the bridge."""
        require_root()
        lab, _, name = id.partition("/")
        network.delete_bridge(LabPlace(lab), name)


class LabStation(Resource[StationInputs, LabConfig]):
    """A station of the lab."""

    token, inputs = "beffroi:lab:Station", StationInputs
    delete_before_replace = True

    def create(self, run: Run[LabConfig], inputs: StationInputs) -> Created:
        """Make the namespace and plug it in."""
        require_root()
        Station(LabPlace(inputs.lab), inputs.name).connect(_links(inputs), _routes(inputs))
        return Created(f"{inputs.lab}/{inputs.name}")

    def read(self, run: Run[LabConfig], id: str, old_inputs: Mapping[str, Any]) -> Read:
        """Look at the station's real interfaces and routes."""
        require_root()
        lab, _, name = id.partition("/")
        if not Station(LabPlace(lab), name).exists():
            raise Gone(id)
        return Read({"lab": lab, "name": name, **_real_network(LabPlace(lab), name)})

    def update(
        self, run: Run[LabConfig], id: str, old: Mapping[str, Any], inputs: StationInputs
    ) -> Mapping[str, object]:
        """Plug the station in anew."""
        require_root()
        Station(LabPlace(inputs.lab), inputs.name).connect(_links(inputs), _routes(inputs))
        return {}

    def delete(self, run: Run[LabConfig], id: str, old: Mapping[str, Any]) -> None:
        """Remove the station."""
        require_root()
        lab, _, name = id.partition("/")
        Station(LabPlace(lab), name).delete()


class LabMachine(Resource[MachineInputs, LabConfig]):
    """A Debian machine of the lab."""

    token, inputs = "beffroi:lab:Machine", MachineInputs
    outputs = {"hostKey": Output(description="public SSH host key", follows=())}
    # The urn of a replacement is that of the machine it replaces: made first, it would adopt the old one.
    delete_before_replace = True

    def create(self, run: Run[LabConfig], inputs: MachineInputs) -> Created:
        """Make the machine; what a killed run left under its name is removed first."""
        require_root()
        machine = Machine(LabPlace(inputs.lab), inputs.name)
        machine.create(_spec(inputs))
        return Created(f"{inputs.lab}/{inputs.name}", {"hostKey": machine.host_key()})

    def read(self, run: Run[LabConfig], id: str, old_inputs: Mapping[str, Any]) -> Read:
        """Look at the machine: does it run, with which image, interfaces and routes."""
        require_root()
        lab, _, name = id.partition("/")
        machine = Machine(LabPlace(lab), name)
        if not machine.exists():
            raise Gone(id)
        real: dict[str, object] = {"lab": lab, "name": name, "running": machine.running()}
        real |= {"image": machine.specification()["image"], "volumes": machine.specification()["volumes"]}
        if real["running"]:
            real |= _real_network(LabPlace(lab), name)
        return Read(real, {"hostKey": machine.host_key()})

    def update(
        self, run: Run[LabConfig], id: str, old: Mapping[str, Any], inputs: MachineInputs
    ) -> Mapping[str, object]:
        """Bring the machine to its inputs: switch it on, plug it in anew, change its keys."""
        require_root()
        machine = Machine(LabPlace(inputs.lab), inputs.name)
        access = (inputs.authorized_key, inputs.console_password)
        machine.reconfigure(_spec(inputs), new_access=access != (old.get("authorizedKey"), old.get("consolePassword")))
        return {"hostKey": machine.host_key()}

    def delete(self, run: Run[LabConfig], id: str, old: Mapping[str, Any]) -> None:
        """Remove the machine and all that it left."""
        require_root()
        lab, _, name = id.partition("/")
        Machine(LabPlace(lab), name).delete()


def _links(inputs: StationInputs) -> tuple[Link, ...]:
    return tuple(Link(link.segment, tuple(link.addresses)) for link in inputs.links)


def _routes(inputs: StationInputs) -> tuple[Route, ...]:
    return tuple(Route(route.to, route.via) for route in inputs.routes)


def _real_network(place: LabPlace, member: str) -> dict[str, object]:
    links = [{"segment": link.segment, "addresses": list(link.addresses)} for link in network.links_of(place, member)]
    routes = [{"to": route.to, "via": route.via} for route in network.routes_of(place, member)]
    return {"links": links, "routes": routes}


def _spec(inputs: MachineInputs) -> MachineSpec:
    return MachineSpec(
        name=inputs.name,
        image=inputs.image,
        links=_links(inputs),
        routes=_routes(inputs),
        authorized_key=inputs.authorized_key,
        console_password=inputs.console_password,
        volumes=tuple((source, target) for source, target in inputs.volumes),
    )


def lab_provider(version: str) -> Provider[LabConfig]:
    """Return the provider that Pulumi knows as `beffroi`."""
    return Provider("beffroi", version, [LabNetwork(), LabSegment(), LabStation(), LabMachine()], LabConfig)
