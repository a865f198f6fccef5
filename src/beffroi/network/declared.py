"""What the town declares, as sets of packets: for each flow, from where, to where, and over which links. Pure.

This is the specification that firewalls are proved against, so it shares nothing with the compiler but the city's model
and its routes. Addresses are not authenticated on a link: whoever is on a link that a flow travels over can send that
flow's packets, so a flow is declared on each of its links, with the header that it has there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product

from beffroi.city import INTERNET, City, Service

from .firewall import Family, Match
from .intervals import Intervals, difference, intersection
from .routing import Hop, egress, path
from .services import ALL_FLAGS, ECHO_REQUESTS, ICMP, ICMPV6, NUMBERS, SYN, TCP, UDP, Box, Services, only
from .town import intervals_of, outside

NEIGHBOURS = Services((Box(only([ICMPV6]), only([135, 136])),))
"""Neighbour discovery (RFC 4861): without it no IPv6 packet finds its way on a link."""

LISTENERS = Services((Box(only([ICMPV6]), only([130, 131, 132, 143])),))
"""Multicast listener discovery (RFC 2710, RFC 3810), which neighbour discovery needs on switches that snoop."""

PRIVATE = intervals_of(("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
"""The addresses that no operator routes (RFC 1918)."""


@dataclass(frozen=True)
class Declared:
    """Packets of one flow on one link (or in the machine that sends them), as they are there.

    `index` is the flow's position in the city. `first` tells the link where they start. `end` is where they go: a
    machine, or a segment for devices that are not managed.
    """

    flow: str
    index: int
    start: str
    end: str
    first: bool
    match: Match


def declared(city: City, family: Family) -> list[Declared]:
    """Return what every flow means, for packets of one family, without what the links themselves need."""
    found: list[Declared] = []
    for index, flow in enumerate(city.flows):
        services = services_of(city.services[flow.service], family)
        for names in product(flow.source, flow.destination):
            for way in _ways(city, family, *names):
                found += _on_links(city, way, flow.name, index, services)
    return found


def services_of(service: Service, family: Family) -> Services:
    """Return the packets that open a connection to a service."""
    if service.protocol == "icmp":
        protocol = ICMP if family == 4 else ICMPV6  # noqa: PLR2004 - the families are called by their number
        return Services((Box(only([protocol]), only([ECHO_REQUESTS[protocol]])),))
    ports = tuple(sorted(service.ranges())) or NUMBERS
    return Services((Box(only([TCP if service.protocol == "tcp" else UDP]), NUMBERS, ports),))


@lru_cache(maxsize=1024)
def opening(services: Services) -> Services:
    """Return the part that opens connections in earnest: for TCP a SYN alone, whatever else conntrack calls new."""
    return services & Services(
        (Box(protocols=((0, TCP - 1), (TCP + 1, 255))), Box(only([TCP]), flags=1 << SYN & ALL_FLAGS))
    )


@dataclass(frozen=True)
class _End:
    """One side of a flow: the segment where it stands, its addresses there, and its name if it is a machine."""

    segment: str
    addresses: Intervals
    machine: str = ""


@dataclass(frozen=True)
class _Way:
    family: Family
    source: _End
    destination: _End


def _ways(city: City, family: Family, source: str, destination: str) -> Iterator[_Way]:
    """Yield the pairs of ends between which the static routes really take packets, there and back."""
    if source == destination and city.manages(source):
        return
    for one, other in product(_ends(city, family, source), _ends(city, family, destination)):
        leaves = not city.manages(source) or egress(city, source, other.segment) == one.segment
        answers = not city.manages(destination) or egress(city, destination, one.segment) == other.segment
        if leaves and answers:
            yield _Way(family, one, _all_inner(city, family, other))


def _ends(city: City, family: Family, name: str) -> Iterator[_End]:
    if name == INTERNET:
        yield _End(INTERNET, outside(city, family))
    elif name in city.segments or name in city.fleets:
        holder = city.segments.get(name) or city.fleets[name]
        segment = name if name in city.segments else city.fleets[name].segment
        yield _End(segment, intervals_of([holder.ipv4 if family == 4 else holder.ipv6]))  # noqa: PLR2004
    else:
        for segment, interface in city.machine(name).interfaces.items():
            address = int(interface.ipv4 if family == 4 else interface.ipv6)  # noqa: PLR2004
            yield _End(segment, ((address, address),), name)


def _all_inner(city: City, family: Family, end: _End) -> _End:
    """Widen a gateway that is spoken to from inside to all its inner addresses: it answers on any of them."""
    if end.machine not in city.gateways or end.segment == INTERNET:
        return end
    inner = (each for each in _ends(city, family, end.machine) if each.segment != INTERNET)
    addresses = tuple(sorted(pair for each in inner for pair in each.addresses))
    return _End(end.segment, addresses, end.machine)


def _on_links(city: City, way: _Way, flow: str, index: int, services: Services) -> Iterator[Declared]:
    source, destination = way.source, way.destination
    hops = path(city, source.segment, destination.segment)
    if not hops and source.segment != destination.segment:
        return
    families = frozenset({way.family})
    end = destination.machine or destination.segment
    asked = _asked(city, way, hops, city.flows[index].service)
    here = Match(families=families, source=source.addresses, destination=asked, services=services)
    yield Declared(flow, index, source.machine or source.segment, end, first=True, match=here)
    if source.machine:
        yield Declared(flow, index, source.segment, end, first=False, match=here)
    else:
        yield from _from_machines(city, way, flow, index, (end, here))
    addresses = source.addresses
    for hop in hops:
        gateway = city.gateways[hop.gateway]
        if way.family == 4 and hop.exit in gateway.masquerade:  # noqa: PLR2004
            own = int(gateway.interfaces[hop.exit].ipv4)
            hidden = intersection(addresses, PRIVATE)
            addresses = tuple(sorted((*difference(addresses, PRIVATE), *([(own, own)] if hidden else []))))
        here = Match(families=families, source=addresses, destination=destination.addresses, services=services)
        yield Declared(flow, index, hop.exit, end, first=False, match=here)


def _asked(city: City, way: _Way, hops: Sequence[Hop], service: str) -> Intervals:
    """Return the destination that those who send write: the gateway's own address where it publishes the service."""
    if way.family == 4 and way.source.segment == INTERNET and hops:  # noqa: PLR2004
        gateway = city.gateways[hops[0].gateway]
        if any((each.host, each.service) == (way.destination.machine, service) for each in gateway.publish):
            own = int(gateway.interfaces[INTERNET].ipv4)
            return ((own, own),)
    return way.destination.addresses


def _from_machines(city: City, way: _Way, flow: str, index: int, towards: tuple[str, Match]) -> Iterator[Declared]:
    """Yield what a flow of a whole segment or fleet means for the managed machines among it that send by that link."""
    end, here = towards
    segment = way.source.segment
    for name in (each for each in city.members(segment) if egress(city, each, way.destination.segment) == segment):
        for own in (each for each in _ends(city, way.family, name) if each.segment == segment):
            if intersection(own.addresses, way.source.addresses):
                yield Declared(flow, index, name, end, first=False, match=here)
                yield Declared(flow, index, name, end, first=True, match=replace(here, source=own.addresses))
