"""What each machine must let through for the declared flows, and nothing else. Pure.

An endpoint of a flow means addresses: a segment's whole network, a fleet's network, a machine's own addresses, or (for
`internet`) every address outside the town. `Flow.until` is not judged here: there is no clock in this room.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network
from itertools import product
from typing import Literal

from beffroi.city import INTERNET, City, Flow, Gateway, Host, Service

from .routing import Hop, egress, path

PRIVATE_IPV4 = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
"""The addresses that no operator routes (RFC 1918)."""


@dataclass(frozen=True)
class Endpoint:
    """One side of a flow: the segment where it stands, and its addresses; None for all those outside the town."""

    segment: str
    ipv4: tuple[IPv4Network, ...] | None
    ipv6: tuple[IPv6Network, ...] | None

    def holds(self, machine: Host | Gateway) -> bool:
        """Tell whether the machine's address on this segment is one of the endpoint's."""
        if self.ipv4 is None or self.segment not in machine.interfaces:
            return False
        return any(machine.interfaces[self.segment].ipv4 in network for network in self.ipv4)


@dataclass(frozen=True)
class Permit:
    """New connections that one chain of one machine accepts; `entry` and `exit` are interfaces, empty when local."""

    flow: str
    chain: Literal["input", "forward", "output"]
    entry: str
    exit: str
    source: Endpoint
    destination: Endpoint
    service: Service


def permits(city: City, machine: str) -> list[Permit]:
    """Return what `machine` has to accept, in the order of the declared flows; KeyError if it is unknown."""
    return _permits(_Same(city))[machine]


@dataclass(frozen=True, eq=False)
class _Same:
    """A city as a key of a cache: equal when it is the very same object, since its dictionaries have no hash."""

    city: City

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.city is self.city

    def __hash__(self) -> int:
        return id(self.city)


@lru_cache(maxsize=4)
def _permits(same: _Same) -> dict[str, list[Permit]]:
    """Return every machine's permits: flows are walked once for all machines, and once for all who ask."""
    city = same.city
    found: dict[str, list[Permit]] = {name: [] for name in city.machines()}
    for flow in city.flows:
        for names in product(flow.source, flow.destination):
            for source, destination in _pairs(city, *names):
                hops = path(city, source.segment, destination.segment)
                if not hops and source.segment != destination.segment:
                    continue
                for machine, accepted in found.items():
                    accepted.extend(_on_machine(city, machine, flow, _Way(source, destination, hops)))
    return found


@dataclass(frozen=True)
class _Way:
    """Where packets of a flow travel: between which endpoints, over which gateways."""

    source: Endpoint
    destination: Endpoint
    hops: list[Hop]


def endpoints(city: City, name: str) -> list[Endpoint]:
    """Return the endpoints that a flow means by `name`: one, or one an interface for a machine."""
    if name == INTERNET:
        return [Endpoint(INTERNET, None, None)]
    if name in city.fleets:
        fleet = city.fleets[name]
        return [Endpoint(fleet.segment, (fleet.ipv4,), (fleet.ipv6,))]
    if name in city.segments:
        return [Endpoint(name, (city.segments[name].ipv4,), (city.segments[name].ipv6,))]
    interfaces = city.machines()[name].interfaces
    return [
        Endpoint(segment, (IPv4Network(interface.ipv4),), (IPv6Network(interface.ipv6),))
        for segment, interface in interfaces.items()
    ]


def _pairs(city: City, source: str, destination: str) -> Iterator[tuple[Endpoint, Endpoint]]:
    """Yield the endpoints between which packets of a flow really travel, there and back, by the static routes."""
    if source == destination and source in city.machines():
        return
    for one, other in product(endpoints(city, source), endpoints(city, destination)):
        leaves = source not in city.machines() or egress(city, source, other.segment) == one.segment
        answers = destination not in city.machines() or egress(city, destination, one.segment) == other.segment
        if leaves and answers:
            yield one, _all_inner(city, destination, other)


def _all_inner(city: City, name: str, endpoint: Endpoint) -> Endpoint:
    """Widen a gateway that is spoken to from inside to all its inner addresses: it answers on any of them."""
    if name not in city.gateways or endpoint.segment == INTERNET:
        return endpoint
    inner = [interface for segment, interface in city.gateways[name].interfaces.items() if segment != INTERNET]
    ipv4 = tuple(IPv4Network(interface.ipv4) for interface in inner)
    return replace(endpoint, ipv4=ipv4, ipv6=tuple(IPv6Network(interface.ipv6) for interface in inner))


def _on_machine(city: City, name: str, flow: Flow, way: _Way) -> Iterator[Permit]:
    machine, service = city.machines()[name], city.services[flow.service]
    source, destination = way.source, way.destination
    if source.holds(machine) and egress(city, name, destination.segment) == source.segment:
        yield Permit(flow.name, "output", "", source.segment, source, destination, service)
    entry = destination.segment
    for hop in way.hops:
        if hop.gateway == name:
            entry = hop.entry
            yield Permit(flow.name, "forward", hop.entry, hop.exit, source, destination, service)
        source = _translated(city, hop, source)
    if destination.holds(machine):
        yield Permit(flow.name, "input", entry, "", source, destination, service)


def _translated(city: City, hop: Hop, source: Endpoint) -> Endpoint:
    """Return the source as seen after a gateway: private IPv4 addresses are hidden where the model says so."""
    gateway = city.gateways[hop.gateway]
    if hop.exit not in gateway.masquerade or source.ipv4 is None:
        return source
    kept = tuple(network for network in source.ipv4 if not is_private(network))
    if kept == source.ipv4:
        return source
    return replace(source, ipv4=(*kept, IPv4Network(gateway.interfaces[hop.exit].ipv4)))


def is_private(network: IPv4Network) -> bool:
    """Tell whether all of `network` is private in the sense of RFC 1918."""
    return any(network.subnet_of(private) for private in PRIVATE_IPV4)
