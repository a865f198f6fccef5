"""What stands in the town: managed hosts and gateways, and fleets of devices that nobody logs in to."""

from __future__ import annotations

from enum import StrEnum
from ipaddress import IPv4Address
from typing import Annotated

from pydantic import Field, StringConstraints

from .databases import Database
from .lifecycle import OperatingSystem
from .net import Day, Interface, NetworkV4, NetworkV6
from .words import Declared, Flag, Line, Name, SegmentName, Text, Whole

AbsolutePath = Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9._/-]*[A-Za-z0-9]$", max_length=200)]
Topic = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]+(/([a-z0-9_-]+|%u))*$", max_length=200)]
"""An MQTT topic without wildcards (MQTT 5.0, section 4.7); `%u` stands for the account that publishes."""

UnixName = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_-]{0,30}$")]


class Store(Declared):
    """A place where a host keeps data: a folder owned by one service account."""

    label: Text
    path: Annotated[AbsolutePath, Field(description="absolute path of the folder")]
    owner: Annotated[UnixName, Field(description="Unix account that owns the folder")] = "root"
    group: Annotated[UnixName, Field(description="Unix group of the folder")] = "root"
    mode: Annotated[str, StringConstraints(pattern=r"^0[0-7]{3}$"), Field(description="permission bits, octal")] = (
        "0750"
    )
    encrypted_at_rest: Annotated[Flag, Field(description="the volume that holds it is encrypted")] = False
    database: Annotated[
        Database | None, Field(description="the database that lives in the folder; none: the folder holds files")
    ] = None
    copies: Annotated[
        tuple[Name, ...], Field(description="the stores of other hosts whose backups are kept here; none: no backups")
    ] = ()


class Image(Declared):
    """What a machine is made from."""

    name: Annotated[Line, Field(description="the image's name, as the target knows it")]
    built: Annotated[Day, Field(description="the day on which it was built")]


Tags = Annotated[dict[Name, Name], Field(description="what else people sort machines by, such as `criticality`")]


class Host(Declared):
    """A managed server."""

    label: Text
    os: Annotated[OperatingSystem, Field(description="operating system")]
    image: Annotated[Image | None, Field(description="the image that it is made from, where that is tracked")] = None
    roles: Annotated[
        tuple[Name, ...],
        Field(description="what the host is for, such as `bastion` or `log-collector`; controls choose hosts by role"),
    ] = ()
    interfaces: Annotated[
        dict[SegmentName, Interface], Field(min_length=1, description="addresses, by segment; exactly one for a host")
    ]
    services: Annotated[tuple[Name, ...], Field(description="the services that this host offers")] = ()
    stores: Annotated[dict[Name, Store], Field(description="where the host keeps data, by name")] = {}
    tags: Tags = {}
    responsible: Annotated[Name, Field(description="the function that answers for it")]
    forwarding: Annotated[Flag, Field(description="routes between segments: only gateways may")] = False


class Published(Declared):
    """A service of a host with a private IPv4 address, reached at the gateway's own address on the internet."""

    service: Annotated[Name, Field(description="the service, over tcp or udp, at single ports")]
    host: Annotated[Name, Field(description="the host that offers it; a flow from `internet` must allow it")]


class Gateway(Declared):
    """A managed router and firewall between segments."""

    label: Text
    os: Annotated[OperatingSystem, Field(description="operating system")]
    image: Annotated[Image | None, Field(description="the image that it is made from, where that is tracked")] = None
    roles: Annotated[
        tuple[Name, ...], Field(description="what the gateway is for; controls choose machines by role")
    ] = ()
    interfaces: Annotated[
        dict[SegmentName, Interface], Field(min_length=2, description="addresses, by segment; two at least")
    ]
    services: Annotated[tuple[Name, ...], Field(description="the services that this gateway itself offers")] = ()
    masquerade: Annotated[
        tuple[SegmentName, ...], Field(description="segments towards which private IPv4 sources are translated")
    ] = ()
    publish: Annotated[
        tuple[Published, ...], Field(description="services of inner hosts, reached over IPv4 at the gateway's address")
    ] = ()
    tags: Tags = {}
    responsible: Annotated[Name, Field(description="the function that answers for it")]


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
    segment: Annotated[SegmentName, Field(description="the segment on which the devices stand")]
    ipv4: Annotated[NetworkV4, Field(description="the part of the segment that they use")]
    ipv6: Annotated[NetworkV6, Field(description="the part of the segment that they use")]
    count: Annotated[Whole, Field(ge=1, le=1_000_000, description="number of devices")]
    services: Annotated[tuple[Name, ...], Field(description="services that the devices themselves offer")] = ()
    topics: Annotated[
        tuple[Topic, ...], Field(description="MQTT topics to which each device publishes; %u stands for its account")
    ] = ()
    owner: Annotated[Name, Field(description="the function that answers for them")]

    def first_ipv4(self) -> IPv4Address:
        """Return the address that the fleet's first device has (the one a lab gives to its stand-in)."""
        return self.ipv4[0] if self.ipv4.prefixlen == self.ipv4.max_prefixlen else self.ipv4[1]
