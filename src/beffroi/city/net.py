"""Segments, services and flows: who may talk to whom, over what, and why."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, field_validator

from .words import Declared, Name, Text

INTERNET = "internet"
"""The reserved name of the internet: a segment (the uplink) and, in flows, every address outside the town."""


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
    vlan: Annotated[int, Field(ge=1, le=4094, description="IEEE 802.1Q VLAN identifier")]
    ipv4: IPv4Network
    ipv6: IPv6Network
    zone: Zone


class Interface(Declared):
    """A machine's addresses on one segment."""

    ipv4: IPv4Address
    ipv6: IPv6Address


Port = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,5}(-[0-9]{1,5})?$")]


class Service(Declared):
    """A network service: a protocol and its destination ports (`443`, or a range `8000-8010`)."""

    label: Text | None = None
    protocol: Literal["tcp", "udp", "icmp"]
    ports: tuple[Port, ...] = ()
    encrypted: Annotated[bool, Field(description="the protocol itself protects what it carries (TLS, SSH...)")] = False

    @field_validator("ports", mode="before")
    @classmethod
    def _numbers_are_ports_too(cls, ports: object) -> object:
        if isinstance(ports, list):
            return tuple(str(port) if type(port) is int else port for port in ports)
        return ports

    def ranges(self) -> tuple[tuple[int, int], ...]:
        """Return the destination ports as inclusive (first, last) pairs, in the order written."""
        pairs = (port.partition("-") for port in self.ports)
        return tuple((int(first), int(last or first)) for first, _, last in pairs)


class Flow(Declared):
    """One permission to talk: from, to, which service, why, and until when.

    Endpoints name a segment, a host, a gateway, a fleet, or `internet`.
    """

    name: Name
    source: Annotated[tuple[Name, ...], Field(alias="from", min_length=1)]
    destination: Annotated[tuple[Name, ...], Field(alias="to", min_length=1)]
    service: Name
    purpose: Text
    processing: Annotated[Name | None, Field(description="the processing activity that this flow serves")] = None
    until: Annotated[date | None, Field(description="last day on which the flow is open")] = None

    @field_validator("source", "destination", mode="before")
    @classmethod
    def _one_name_is_a_list_of_one(cls, names: object) -> object:
        return (names,) if isinstance(names, str) else tuple(names) if isinstance(names, list) else names
