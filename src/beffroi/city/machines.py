"""What stands in the town: managed hosts and gateways, and fleets of devices that nobody logs in to."""

from __future__ import annotations

from enum import StrEnum
from ipaddress import IPv4Address
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from .net import Interface, NetworkV4, NetworkV6
from .words import Declared, Flag, Name, SegmentName, Text, Whole

AbsolutePath = Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9._/-]*[A-Za-z0-9]$", max_length=200)]
UnixName = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_-]{0,30}$")]
OperatingSystem = Literal["debian-12"]


class Store(Declared):
    """A place where a host keeps data: a folder owned by one service account."""

    label: Text
    path: AbsolutePath
    owner: UnixName = "root"
    group: UnixName = "root"
    mode: Annotated[str, StringConstraints(pattern=r"^0[0-7]{3}$"), Field(description="permission bits, octal")] = (
        "0750"
    )
    encrypted_at_rest: Flag = False


class Host(Declared):
    """A managed server."""

    label: Text
    os: OperatingSystem
    roles: tuple[Name, ...] = ()
    interfaces: Annotated[dict[SegmentName, Interface], Field(min_length=1)]
    services: Annotated[tuple[Name, ...], Field(description="the services that this host offers")] = ()
    stores: dict[Name, Store] = {}
    responsible: Name
    forwarding: Annotated[Flag, Field(description="routes between segments: only gateways may")] = False


class Gateway(Declared):
    """A managed router and firewall between segments."""

    label: Text
    os: OperatingSystem
    roles: tuple[Name, ...] = ()
    interfaces: Annotated[dict[SegmentName, Interface], Field(min_length=2)]
    services: tuple[Name, ...] = ()
    masquerade: Annotated[
        tuple[SegmentName, ...], Field(description="segments towards which private IPv4 sources are translated")
    ] = ()
    responsible: Name


class FleetKind(StrEnum):
    """What sort of devices a fleet is made of."""

    SENSORS = "sensors"
    SMARTPHONES = "smartphones"
    TABLETS = "tablets"
    PRINTERS = "printers"
    CAMERAS = "cameras"
    WORKSTATIONS = "workstations"


class Fleet(Declared):
    """Devices that are not managed here, yet have addresses, flows and an owner."""

    label: Text
    kind: FleetKind
    segment: SegmentName
    ipv4: NetworkV4
    ipv6: NetworkV6
    count: Annotated[Whole, Field(ge=1, le=1_000_000)]
    services: Annotated[tuple[Name, ...], Field(description="services that the devices themselves offer")] = ()
    owner: Name

    def first_ipv4(self) -> IPv4Address:
        """Return the address that the fleet's first device has (the one a lab gives to its stand-in)."""
        return self.ipv4[0] if self.ipv4.prefixlen == self.ipv4.max_prefixlen else self.ipv4[1]
