"""Segments, services and flows: who may talk to whom, over what, and why."""

from __future__ import annotations

import re
from datetime import date
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints, field_validator
from pydantic_core import PydanticCustomError

from .words import Declared, Flag, Name, Text, Whole

INTERNET = "internet"
"""The reserved name of the internet: a segment (the uplink) and, in flows, every address outside the town."""


def _written_address(value: object) -> object:
    """Refuse what `ipaddress` takes and a reader would not: numbers (`167772161`), scopes (`fe80::1%eth0`)."""
    if isinstance(value, IPv4Address | IPv6Address) or (isinstance(value, str) and "%" not in value):
        return value
    raise PydanticCustomError("address_not_written", "an address is a text such as 10.0.0.1")  # noqa: EM101


def _written_network(value: object) -> object:
    """Refuse a network without its prefix length, and the netmask notation."""
    if isinstance(value, IPv4Network | IPv6Network) or (isinstance(value, str) and _PREFIX.search(value)):
        return value
    raise PydanticCustomError("network_not_written", "a network is a text such as 10.0.0.0/24")  # noqa: EM101


_PREFIX = re.compile(r"^[0-9a-fA-F:.]+/[0-9]{1,3}$")
AddressV4 = Annotated[IPv4Address, BeforeValidator(_written_address, json_schema_input_type=IPv4Address)]
AddressV6 = Annotated[IPv6Address, BeforeValidator(_written_address, json_schema_input_type=IPv6Address)]
_TextV4 = Annotated[str, StringConstraints(pattern=r"^[0-9.]{7,15}/[0-9]{1,2}$")]
_TextV6 = Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F:.]{2,45}/[0-9]{1,3}$")]
NetworkV4 = Annotated[IPv4Network, BeforeValidator(_written_network, json_schema_input_type=_TextV4)]
NetworkV6 = Annotated[IPv6Network, BeforeValidator(_written_network, json_schema_input_type=_TextV6)]


class Zone(StrEnum):
    """How far a segment is trusted."""

    INTERNET = "internet"
    EXPOSED = "exposed"
    TRANSIT = "transit"
    ADMINISTRATION = "administration"
    SERVERS = "servers"
    BACKUP = "backup"
    USERS = "users"
    PUBLIC = "public"
    DEVICES = "devices"
    SENSITIVE = "sensitive"


class Segment(Declared):
    """A network segment: one VLAN, one IPv4 and one IPv6 network, one trust zone."""

    label: Text
    vlan: Annotated[Whole, Field(ge=1, le=4094, description="IEEE 802.1Q VLAN identifier")]
    ipv4: Annotated[NetworkV4, Field(description="address and prefix length, such as 10.20.0.0/24")]
    ipv6: Annotated[NetworkV6, Field(description="address and prefix length, such as fd00:20::/64")]
    zone: Zone
    responsible: Annotated[Name | None, Field(description="the function that answers for it")] = None


class Interface(Declared):
    """A machine's addresses on one segment."""

    ipv4: Annotated[AddressV4, Field(description="an address of the segment's IPv4 network")]
    ipv6: Annotated[AddressV6, Field(description="an address of the segment's IPv6 network")]


Port = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,5}(-[0-9]{1,5})?$")]


class Service(Declared):
    """A network service: a protocol and its destination ports (`443`, or a range `8000-8010`)."""

    label: Annotated[Text | None, Field(description="what it is called")] = None
    protocol: Annotated[Literal["tcp", "udp", "icmp"], Field(description="transport; icmp stands for ICMP and ICMPv6")]
    ports: Annotated[tuple[Port, ...], Field(description="destination ports and ranges; none for icmp")] = ()
    encrypted: Annotated[Flag, Field(description="the protocol itself protects what it carries (TLS, SSH...)")] = False
    tls: Annotated[
        Literal["direct", "postgresql"] | None,
        Field(description="how TLS begins: at once, or when asked within PostgreSQL's protocol; none: no TLS"),
    ] = None

    @field_validator("ports", mode="before", json_schema_input_type=list[Port | int])
    @classmethod
    def _numbers_are_ports_too(cls, ports: object) -> object:
        if isinstance(ports, list):
            return tuple(str(port) if type(port) is int else port for port in ports)
        return ports

    def ranges(self) -> tuple[tuple[int, int], ...]:
        """Return the destination ports as inclusive (first, last) pairs, in the order written."""
        pairs = (port.partition("-") for port in self.ports)
        return tuple((int(first), int(last or first)) for first, _, last in pairs)


def _written_day(value: object) -> object:
    """Refuse the numbers and the times that pydantic would turn into a day: `20260101` is a day of 1970 to it."""
    if value is None or type(value) is date or (isinstance(value, str) and _DAY.match(value)):
        return value
    raise PydanticCustomError("date_not_written", "a day is written 2026-12-31")  # noqa: EM101


_DAY = re.compile(r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")
Day = Annotated[date, BeforeValidator(_written_day, json_schema_input_type=date)]


Names = Annotated[tuple[Name, ...], Field(min_length=1)]


class Flow(Declared):
    """One permission to talk: from, to, which service, why, and until when.

    Endpoints name a segment, a host, a gateway, a fleet, or `internet`.
    """

    name: Annotated[Name, Field(description="unique name of the flow")]
    source: Annotated[
        Names, Field(alias="from", description="who opens the connection: segments, machines, fleets or `internet`")
    ]
    destination: Annotated[
        Names, Field(alias="to", description="who answers: segments, machines, fleets or `internet`")
    ]
    service: Annotated[Name, Field(description="the service that is reached")]
    purpose: Text
    processing: Annotated[Name | None, Field(description="the processing activity that this flow serves")] = None
    until: Annotated[Day | None, Field(description="last day on which the flow is open")] = None

    @field_validator("source", "destination", mode="before", json_schema_input_type=Name | Names)
    @classmethod
    def _one_name_is_a_list_of_one(cls, names: object) -> object:
        return (names,) if isinstance(names, str) else tuple(names) if isinstance(names, list) else names
