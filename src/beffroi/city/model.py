"""The city: everything that a town declares, as one frozen value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Annotated

from pydantic import Field

from .machines import Fleet, Gateway, Host, Store
from .net import INTERNET, Flow, Segment, Service
from .processing import ProcessingActivity
from .sameness import Same
from .words import Declared, Function, Line, Name, SegmentName, Text, Whole


class Town(Declared):
    """Who the town is."""

    name: Annotated[Name, Field(description="short name, as in file names and reports")]
    label: Text
    population: Annotated[Whole, Field(ge=1, description="inhabitants")]
    controller: Annotated[Line, Field(description="the data controller, as the register names it")]
    controller_contact: Annotated[
        Line | None,
        Field(description="postal address, telephone or mailbox of the controller (RGPD, article 30(1)(a))"),
    ] = None
    data_protection_officer: Annotated[
        Name, Field(description="the function that holds this office (RGPD, article 37)")
    ]


class City(Declared):
    """Everything that a town declares: the one source from which plans, checks and registers derive."""

    town: Town
    functions: Annotated[dict[Name, Function], Field(description="who is responsible, as functions, never persons")]
    segments: Annotated[
        dict[SegmentName, Segment], Field(description="network segments; the one named `internet` is the uplink")
    ]
    services: Annotated[dict[Name, Service], Field(description="network services by name")]
    hosts: Annotated[dict[Name, Host], Field(description="managed servers")]
    gateways: Annotated[dict[Name, Gateway], Field(description="managed routers and firewalls")] = {}
    fleets: Annotated[dict[Name, Fleet], Field(description="devices that are not managed here")] = {}
    flows: Annotated[
        tuple[Flow, ...], Field(description="who may talk to whom; whatever is not listed is refused")
    ] = ()
    processing: Annotated[
        dict[Name, ProcessingActivity], Field(description="the register of processing activities (RGPD, article 30)")
    ] = {}

    def machines(self) -> dict[str, Host | Gateway]:
        """Return every managed machine by name: gateways first (traffic needs them), then hosts."""
        return {**self.gateways, **self.hosts}

    def machine(self, name: str) -> Host | Gateway:
        """Return one managed machine without naming all of them; KeyError when there is none of that name."""
        return self.gateways[name] if name in self.gateways else self.hosts[name]

    def manages(self, name: str) -> bool:
        """Tell whether a name is that of a managed machine."""
        return name in self.gateways or name in self.hosts

    def stores(self) -> Iterator[tuple[str, str, Store]]:
        """Yield (host, store name, store) for every store of the town."""
        for host_name, host in self.hosts.items():
            for store_name, store in host.stores.items():
                yield host_name, store_name, store

    def members(self, segment: str) -> dict[str, Host | Gateway]:
        """Return the managed machines that have an interface on `segment`."""
        return dict(_members(Same(self)).get(segment, {}))

    def hosts_with_role(self, role: str) -> dict[str, Host | Gateway]:
        """Return the managed machines that play `role`."""
        return dict(_players(Same(self)).get(role, {}))

    def inner_segments(self) -> dict[str, Segment]:
        """Return every segment but the internet."""
        return {name: segment for name, segment in self.segments.items() if name != INTERNET}


_Machines = Mapping[str, Mapping[str, Host | Gateway]]
"""Machines by name, by something that they share."""


@lru_cache(maxsize=8)
def _members(same: Same) -> _Machines:
    """Return the machines of every segment: one walk for all who ask, thousands of times in a large town."""
    found: dict[str, dict[str, Host | Gateway]] = {}
    for name, machine in same.city.machines().items():
        for segment in machine.interfaces:
            found.setdefault(segment, {})[name] = machine
    return found


@lru_cache(maxsize=8)
def _players(same: Same) -> _Machines:
    """Return the machines that play every role."""
    found: dict[str, dict[str, Host | Gateway]] = {}
    for name, machine in same.city.machines().items():
        for role in machine.roles:
            found.setdefault(role, {})[name] = machine
    return found
