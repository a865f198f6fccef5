"""What each machine must let through for the declared flows, and nothing else. Pure.

An endpoint of a flow means addresses: a segment's whole network, a fleet's network, a machine's own addresses, or (for
`internet`) every address outside the town. `Flow.until` is not judged here: there is no clock in this room.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network
from itertools import product
from typing import Literal

from beffroi.city import INTERNET, City, Flow, Service
from beffroi.city.sameness import Same

from .routing import Hop, egress, path

PRIVATE_IPV4 = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
"""The addresses that no operator routes (RFC 1918)."""


@dataclass(frozen=True)
class Endpoint:
    """One side of a flow: the segment where it stands, and its addresses; None for all those outside the town."""

    segment: str
    ipv4: tuple[IPv4Network, ...] | None
    ipv6: tuple[IPv6Network, ...] | None


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
    published: bool = False
    """Whether the gateway forwards, over IPv4, only what came to its own address and was published from there."""


def permits(city: City, machine: str) -> list[Permit]:
    """Return what `machine` has to accept, in the order of the declared flows; KeyError if it is unknown."""
    return _permits(Same(city))[machine]


@lru_cache(maxsize=4)
def _permits(same: Same) -> dict[str, list[Permit]]:
    """Return every machine's permits: flows are walked once for all machines, and once for all who ask."""
    city = same.city
    found: dict[str, list[Permit]] = {name: [] for name in city.machines()}
    known = _Known(city)
    for flow in city.flows:
        for names in product(flow.source, flow.destination):
            for source, destination in _pairs(known, *names):
                for machine, permit in _along(known, flow, source, destination):
                    found[machine].append(permit)
    return found


class _Known:
    """What many flows ask of one city, worked out once: its machines, its routes, and who holds which address."""

    def __init__(self, city: City) -> None:
        self.city = city
        self.machines = city.machines()
        self._paths: dict[tuple[str, str], list[Hop]] = {}
        self._exits: dict[tuple[str, str], str | None] = {}
        self._ends: dict[str, list[Endpoint]] = {}
        self._addresses: dict[str, list[tuple[int, str]]] = {}
        for name, machine in self.machines.items():
            for segment, interface in machine.interfaces.items():
                insort(self._addresses.setdefault(segment, []), (int(interface.ipv4), name))

    def path(self, source: str, destination: str) -> list[Hop]:
        """Return the gateways from one segment to another."""
        ends = (source, destination)
        if ends not in self._paths:
            self._paths[ends] = path(self.city, source, destination)
        return self._paths[ends]

    def egress(self, machine: str, segment: str) -> str | None:
        """Return the interface by which a machine's packets to `segment` leave."""
        if segment in self.machines[machine].interfaces:
            return segment
        asked = (machine, segment)
        if asked not in self._exits:
            self._exits[asked] = egress(self.city, machine, segment)
        return self._exits[asked]

    def endpoints(self, name: str) -> list[Endpoint]:
        """Return what a flow means by `name`."""
        if name not in self._ends:
            self._ends[name] = endpoints(self.city, name)
        return self._ends[name]

    def holders(self, end: Endpoint) -> Iterator[str]:
        """Yield the machines whose address on the endpoint's segment is one of the endpoint's."""
        on_link = self._addresses.get(end.segment, [])
        for network in end.ipv4 or ():
            first = bisect_left(on_link, (int(network.network_address), ""))
            last = bisect_left(on_link, (int(network.broadcast_address) + 1, ""))
            yield from (name for _, name in on_link[first:last])


def endpoints(city: City, name: str) -> list[Endpoint]:
    """Return the endpoints that a flow means by `name`: one, or one an interface for a machine."""
    if name == INTERNET:
        return [Endpoint(INTERNET, None, None)]
    if name in city.fleets:
        fleet = city.fleets[name]
        return [Endpoint(fleet.segment, (fleet.ipv4,), (fleet.ipv6,))]
    if name in city.segments:
        return [Endpoint(name, (city.segments[name].ipv4,), (city.segments[name].ipv6,))]
    interfaces = city.machine(name).interfaces
    return [
        Endpoint(segment, (IPv4Network(interface.ipv4),), (IPv6Network(interface.ipv6),))
        for segment, interface in interfaces.items()
    ]


def _pairs(known: _Known, source: str, destination: str) -> Iterator[tuple[Endpoint, Endpoint]]:
    """Yield the endpoints between which packets of a flow really travel, there and back, by the static routes."""
    city, machines = known.city, known.machines
    if source == destination and source in machines:
        return
    for one, other in product(known.endpoints(source), known.endpoints(destination)):
        leaves = source not in machines or known.egress(source, other.segment) == one.segment
        answers = destination not in machines or known.egress(destination, one.segment) == other.segment
        if leaves and answers:
            yield one, _all_inner(city, destination, other)


def _all_inner(city: City, name: str, endpoint: Endpoint) -> Endpoint:
    """Widen a gateway that is spoken to from inside to all its inner addresses: it answers on any of them."""
    if name not in city.gateways or endpoint.segment == INTERNET:
        return endpoint
    inner = [interface for segment, interface in city.gateways[name].interfaces.items() if segment != INTERNET]
    ipv4 = tuple(IPv4Network(interface.ipv4) for interface in inner)
    return replace(endpoint, ipv4=ipv4, ipv6=tuple(IPv6Network(interface.ipv6) for interface in inner))


def _along(known: _Known, flow: Flow, source: Endpoint, destination: Endpoint) -> Iterator[tuple[str, Permit]]:
    """Yield what each machine on the way has to accept: who sends, who forwards, who receives."""
    hops = known.path(source.segment, destination.segment)
    if not hops and source.segment != destination.segment:
        return
    service = known.city.services[flow.service]
    for name in known.holders(source):
        if known.egress(name, destination.segment) == source.segment:
            yield name, Permit(flow.name, "output", "", source.segment, source, destination, service)
    for hop in hops:
        published = is_published(known.city, hop, flow.service, destination)
        permit = Permit(flow.name, "forward", hop.entry, hop.exit, source, destination, service, published)
        yield hop.gateway, permit
        source = _translated(known.city, hop, source)
    for name in known.holders(destination):
        came = next((hop.entry for hop in hops if hop.gateway == name), destination.segment)
        yield name, Permit(flow.name, "input", came, "", source, destination, service)


def is_published(city: City, hop: Hop, service: str, destination: Endpoint) -> bool:
    """Tell whether a gateway publishes this service of the one host that is the destination."""
    return hop.entry == INTERNET and any(
        published.service == service and destination in endpoints(city, published.host)
        for published in city.gateways[hop.gateway].publish
    )


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
