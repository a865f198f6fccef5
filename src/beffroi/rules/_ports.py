"""The destination ports of services, as sets to compare with those that a policy names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from beffroi.city import Service
from beffroi.network.intervals import Intervals, difference, normal, overlap

_ECHO: Intervals = ((0, 0),)
"""ICMP has no ports: `icmp` names its echo requests as a whole."""

Ports = Mapping[str, Intervals]
"""The ports by protocol (`tcp`, `udp`, `icmp`)."""


def ports_of(service: Service) -> Ports:
    """Return the ports that a service opens."""
    return {service.protocol: _ECHO if service.protocol == "icmp" else normal(service.ranges())}


def ports_written(written: Iterable[str]) -> Ports:
    """Return the ports that a policy names as `tcp/22`, `udp/5000-5010` or `icmp`."""
    ranges: dict[str, list[tuple[int, int]]] = {}
    for each in written:
        protocol, _, ports = each.partition("/")
        first, _, last = (ports or "0").partition("-")
        ranges.setdefault(protocol, []).append((int(first), int(last or first)))
    return {protocol: normal(found) for protocol, found in ranges.items()}


def within(opened: Ports, allowed: Ports) -> bool:
    """Tell whether every port opened is allowed."""
    return not any(difference(ports, allowed.get(protocol, ())) for protocol, ports in opened.items())


def meet(one: Ports, other: Ports) -> bool:
    """Tell whether some port is in both."""
    return any(overlap(ports, other.get(protocol, ())) for protocol, ports in one.items())


def count(opened: Ports) -> int:
    """Return how many ports are opened."""
    return sum(last - first + 1 for ports in opened.values() for first, last in ports)
