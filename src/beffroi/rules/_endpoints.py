"""What a name in a flow stands for: segments, zones, fleets and hosts."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from beffroi.city import INTERNET, City, Flow, Host, Zone


def pairs(city: City) -> Iterator[tuple[int, Flow, str, str]]:
    """Yield (position, flow, source, destination) for every pair of endpoints that a flow opens."""
    for index, flow in enumerate(city.flows):
        for source, destination in product(flow.source, flow.destination):
            yield index, flow, source, destination


def segments(city: City, endpoint: str) -> frozenset[str]:
    """Return the segments on which an endpoint stands; the internet is one, whether declared as such or not."""
    if endpoint == INTERNET or endpoint in city.segments:
        return frozenset({endpoint})
    if endpoint in city.fleets:
        return frozenset({city.fleets[endpoint].segment})
    return frozenset(city.machine(endpoint).interfaces)


def zones(city: City, endpoint: str) -> frozenset[Zone]:
    """Return the trust zones that an endpoint belongs to.

    A gateway belongs to none: it stands in many to serve them, and what it sends of itself is not their traffic.
    """
    if endpoint == INTERNET:
        return frozenset({Zone.INTERNET})
    if endpoint in city.gateways:
        return frozenset()
    return frozenset(city.segments[segment].zone for segment in segments(city, endpoint))


def hosts(city: City, endpoint: str) -> dict[str, Host]:
    """Return the hosts that an endpoint means: itself, or all those of a segment."""
    if endpoint in city.hosts:
        return {endpoint: city.hosts[endpoint]}
    if endpoint in city.segments:
        return {name: host for name, host in city.hosts.items() if endpoint in host.interfaces}
    return {}


def fleets(city: City, endpoint: str) -> list[str]:
    """Return the fleets that an endpoint means: itself, or all those of a segment."""
    if endpoint in city.segments:
        return [name for name, fleet in city.fleets.items() if fleet.segment == endpoint]
    return [endpoint] if endpoint in city.fleets else []
