"""Static routes of every machine, found breadth first over the gateways. Pure.

No routing daemon runs on a gateway (ANSSI, Internet gateway guide, R19): each route is written from the declaration.
Traffic and its answer cross the same gateways wherever the town's gateways form a tree, as stateful filters need.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from itertools import product

from beffroi.city import INTERNET, City, Interface
from beffroi.city.sameness import Same

EVERYTHING_IPV4 = IPv4Network("0.0.0.0/0")
EVERYTHING_IPV6 = IPv6Network("::/0")


@dataclass(frozen=True)
class Route:
    """A static route: a network, the next hop's address, and the interface (a segment's name) that leads there."""

    to: IPv4Network | IPv6Network
    via: IPv4Address | IPv6Address
    dev: str

    @property
    def is_default(self) -> bool:
        """Tell whether the route takes all that no other route does."""
        return self.to.prefixlen == 0


@dataclass(frozen=True)
class Hop:
    """A gateway on a path: where traffic enters it and where it leaves (segments' names)."""

    gateway: str
    entry: str
    exit: str


def routes(city: City, machine: str) -> list[Route]:
    """Return the static routes of a managed machine: the default ones first, then by segment; KeyError if unknown.

    A host has a default route by the gateway of its segments nearest to the internet, and a route for each segment
    that another gateway reaches sooner. A gateway has one for every segment that it does not touch.
    """
    own = city.machine(machine).interfaces
    default = _towards(city, machine, INTERNET)
    found = _default_routes(city, machine, default)
    for name, segment in city.inner_segments().items():
        if name in own:
            continue
        step = _towards(city, machine, name)
        if step and (machine in city.gateways or step != default):
            found += [
                Route(segment.ipv4, step.next.ipv4, step.segment),
                Route(segment.ipv6, step.next.ipv6, step.segment),
            ]
    return found


def segment_gateway(city: City, segment: str) -> str | None:
    """Return the gateway on `segment` that is nearest to the internet, or None when there is none."""
    distances = _hops_to(city, INTERNET)
    on_segment = [name for name, gateway in city.gateways.items() if segment in gateway.interfaces]
    return min(on_segment, key=lambda name: distances.get(name, len(city.gateways)), default=None)


def path(city: City, source: str, destination: str) -> list[Hop]:
    """Return the gateways that traffic crosses from one segment to another; empty if none, or if no path exists."""
    hops: list[Hop] = []
    distances = _hops_to(city, destination)
    here = source
    while here != destination:
        step = _nearest(city, (here,), distances, closer_than=len(city.gateways) + 1)
        if step is None or any(hop.gateway == step.gateway for hop in hops):
            return []
        onward = egress(city, step.gateway, destination)
        if onward is None:
            return []
        hops.append(Hop(step.gateway, here, onward))
        here = onward
    return hops


def egress(city: City, machine: str, segment: str) -> str | None:
    """Return the interface by which a machine's packets to `segment` leave, or None when it cannot reach it."""
    if segment in city.machine(machine).interfaces:
        return segment
    step = _towards(city, machine, segment)
    return step.segment if step else None


def meeting(city: City, client: str, server: str) -> tuple[Interface, Interface] | None:
    """Return the addresses by which two machines talk, the client's and the server's; None when no path joins them."""
    ours, theirs = city.machine(client).interfaces, city.machine(server).interfaces
    for one, other in product(ours, theirs):
        if egress(city, client, other) == one and egress(city, server, one) == other and INTERNET not in (one, other):
            return ours[one], theirs[other]
    return None


def uplink_next_hop(city: City) -> Interface | None:
    """Return the addresses of the operator's router: the uplink's first ones that no machine of the town holds."""
    uplink = city.segments.get(INTERNET)
    if uplink is None:
        return None
    ours = [machine.interfaces[INTERNET] for machine in city.members(INTERNET).values()]
    taken = {interface.ipv4 for interface in ours} | {interface.ipv6 for interface in ours}
    ipv4 = next((uplink.ipv4[i] for i in range(1, uplink.ipv4.num_addresses - 1) if uplink.ipv4[i] not in taken), None)
    ipv6 = next((uplink.ipv6[i] for i in range(1, uplink.ipv6.num_addresses) if uplink.ipv6[i] not in taken), None)
    return Interface(ipv4=ipv4, ipv6=ipv6) if ipv4 and ipv6 else None


def uplink_routes(city: City) -> list[Route]:
    """Return the routes that the operator's router has towards the town's segments."""
    found: list[Route] = []
    for name, segment in city.inner_segments().items():
        step = _nearest(city, (INTERNET,), _hops_to(city, name), closer_than=len(city.gateways) + 1)
        if step:
            found += [Route(segment.ipv4, step.next.ipv4, INTERNET), Route(segment.ipv6, step.next.ipv6, INTERNET)]
    return found


@dataclass(frozen=True)
class _Step:
    gateway: str
    segment: str
    next: Interface


def _default_routes(city: City, machine: str, step: _Step | None) -> list[Route]:
    if machine in city.gateways and INTERNET in city.gateways[machine].interfaces:
        next_hop, dev = uplink_next_hop(city), INTERNET
    else:
        next_hop, dev = (step.next, step.segment) if step else (None, "")
    if next_hop is None:
        return []
    return [Route(EVERYTHING_IPV4, next_hop.ipv4, dev), Route(EVERYTHING_IPV6, next_hop.ipv6, dev)]


def _towards(city: City, machine: str, destination: str) -> _Step | None:
    """Return the next gateway from a machine to a segment; a host without one takes any gateway as its default."""
    described = city.machine(machine)
    distances = _hops_to(city, destination)
    if machine not in city.gateways and destination == INTERNET:
        distances = {name: distances.get(name, len(city.gateways)) for name in city.gateways}
    own = distances.get(machine, len(city.gateways) + 1)
    return _nearest(city, tuple(name for name in described.interfaces if name != INTERNET), distances, closer_than=own)


def _nearest(city: City, segments: tuple[str, ...], distances: Mapping[str, int], *, closer_than: int) -> _Step | None:
    steps = [
        (distances[name], _Step(name, segment, gateway.interfaces[segment]))
        for segment in segments
        for name, gateway in city.gateways.items()
        if segment in gateway.interfaces and distances.get(name, closer_than) < closer_than
    ]
    return min(steps, key=lambda found: found[0])[1] if steps else None


def _hops_to(city: City, destination: str) -> Mapping[str, int]:
    """Return how many further gateways each gateway needs to reach a segment; the uplink is never a way through."""
    return _distances(Same(city), destination)


@lru_cache(maxsize=4096)
def _distances(same: Same, destination: str) -> Mapping[str, int]:
    city = same.city
    distances = {name: 0 for name, gateway in city.gateways.items() if destination in gateway.interfaces}
    frontier = list(distances)
    while frontier:
        reached: list[str] = []
        for near in frontier:
            shared = set(city.gateways[near].interfaces) - {INTERNET}
            for name, gateway in city.gateways.items():
                if name not in distances and shared & set(gateway.interfaces):
                    distances[name] = distances[near] + 1
                    reached.append(name)
        frontier = reached
    return distances
