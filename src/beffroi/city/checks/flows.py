"""Services have ports that make sense, and every flow can be carried and is answered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product

from beffroi.city.model import City
from beffroi.city.net import INTERNET, Flow, Service

from .mistake import Mistake

_LAST_PORT = 65535


def mistakes(city: City) -> Iterator[Mistake]:
    """Yield the services with wrong ports, and the flows named twice, unanswered or that no gateway carries."""
    for name, service in city.services.items():
        yield from _ports(name, service)
    yield from _flows_twice(city)
    reachable = _reachable(city)
    for index, flow in enumerate(city.flows):
        yield from _unanswered(city, index, flow)
        yield from _not_carried(city, index, flow, reachable)


def _ports(name: str, service: Service) -> Iterator[Mistake]:
    path = ("services", name, "ports")
    if service.protocol == "icmp" and service.ports:
        yield Mistake(path, "icmp-with-ports")
    if service.protocol != "icmp" and not service.ports:
        yield Mistake(path, "ports-missing", {"protocol": service.protocol})
    for index, (first, last) in enumerate(service.ranges()):
        written = {"port": service.ports[index]}
        if not 1 <= first <= _LAST_PORT or not 1 <= last <= _LAST_PORT:
            yield Mistake((*path, index), "port-out-of-range", written)
        elif first > last:
            yield Mistake((*path, index), "ports-inverted", {**written, "right": f"{last}-{first}"})
        elif any(one <= last and first <= two for one, two in service.ranges()[:index]):
            yield Mistake((*path, index), "ports-overlap", written)


def _flows_twice(city: City) -> Iterator[Mistake]:
    first: dict[str, int] = {}
    for index, flow in enumerate(city.flows):
        holder = first.setdefault(flow.name, index)
        if holder != index:
            yield Mistake(("flows", index, "name"), "flow-twice", {"name": flow.name}, ("flows", holder, "name"))


def _unanswered(city: City, index: int, flow: Flow) -> Iterator[Mistake]:
    service = city.services.get(flow.service)
    if service is None or service.protocol == "icmp":
        return
    for position, name in enumerate(flow.destination):
        offered = _offered(city, name)
        if offered is not None and flow.service not in offered:
            names = {"service": flow.service, "name": name}
            key = "nobody-offers" if name in city.segments else "does-not-offer"
            yield Mistake(("flows", index, "to", position), key, names)


def _offered(city: City, endpoint: str) -> set[str] | None:
    """Return the services that `endpoint` offers; None when it is unknown or outside the town."""
    if endpoint == INTERNET:
        return None
    if endpoint in city.segments:
        members = [*city.members(endpoint).values()]
        fleets = [fleet for fleet in city.fleets.values() if fleet.segment == endpoint]
        return {service for member in (*members, *fleets) for service in member.services}
    machine = city.hosts.get(endpoint) or city.gateways.get(endpoint) or city.fleets.get(endpoint)
    return set(machine.services) if machine else None


def _reachable(city: City) -> dict[str, frozenset[str]]:
    """Return, for each segment, those that gateways connect it to; the internet carries nothing between two others."""
    reached: dict[str, frozenset[str]] = {}
    for start in (*city.segments, INTERNET):
        seen, waiting = {start}, [start]
        while waiting:
            here = waiting.pop()
            if here == INTERNET != start:
                continue
            for gateway in city.gateways.values():
                if here in gateway.interfaces:
                    waiting += [segment for segment in gateway.interfaces if segment not in seen]
                    seen.update(gateway.interfaces)
        reached[start] = frozenset(seen)
    return reached


def _segments_of(city: City, endpoint: str) -> set[str]:
    """Return the segments on which `endpoint` stands; none when something of it is unknown."""
    if endpoint == INTERNET or endpoint in city.segments:
        return {endpoint}
    if endpoint in city.fleets:
        return {city.fleets[endpoint].segment} & set(city.segments)
    machine = city.hosts.get(endpoint) or city.gateways.get(endpoint)
    return set(machine.interfaces) & set(city.segments) if machine else set()


def _not_carried(city: City, index: int, flow: Flow, reachable: Mapping[str, frozenset[str]]) -> Iterator[Mistake]:
    for source, destination in product(flow.source, flow.destination):
        starts, ends = _segments_of(city, source), _segments_of(city, destination)
        if starts and ends and not any(ends & reachable[start] for start in starts):
            yield Mistake(("flows", index), "no-path", {"source": source, "destination": destination})
            return
