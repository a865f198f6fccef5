"""What a gateway publishes on the internet is offered, allowed by a flow, and has one meaning."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network

from beffroi.city.machines import Gateway, Host, Published
from beffroi.city.model import City
from beffroi.city.net import INTERNET, Service
from beffroi.fieldpath import FieldPath

from .mistake import Mistake

_PRIVATE = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
"""The addresses that no operator routes (RFC 1918)."""


def mistakes(city: City) -> Iterator[Mistake]:
    """Yield the published services that nothing answers, that no flow allows, or that clash on the gateway."""
    for name, gateway in city.gateways.items():
        taken: dict[tuple[str, int], FieldPath] = {}
        for index, published in enumerate(gateway.publish):
            path: FieldPath = ("gateways", name, "publish", index)
            host, service = city.hosts.get(published.host), city.services.get(published.service)
            if INTERNET not in gateway.interfaces:
                yield Mistake(path, "publish-no-uplink", {"name": name})
            if host is None:
                choices = sorted(city.hosts)
                yield Mistake((*path, "host"), "unknown-host", {"name": published.host}, choices=choices)
            if service is None:
                names = {"name": published.service}
                yield Mistake((*path, "service"), "unknown-service", names, choices=sorted(city.services))
            if host and service:
                yield from _served(city, path, published, host)
                yield from _ports(path, published, service)
                yield from _clashes(city, gateway, path, published, taken)


def _served(city: City, path: FieldPath, published: Published, host: Host) -> Iterator[Mistake]:
    names = {"service": published.service, "name": published.host}
    if published.service not in host.services:
        yield Mistake((*path, "service"), "publish-not-offered", names)
    if not any(interface.ipv4 in network for interface in host.interfaces.values() for network in _PRIVATE):
        yield Mistake((*path, "host"), "publish-not-private", names)
    allowed = (
        flow.service == published.service and INTERNET in flow.source and published.host in flow.destination
        for flow in city.flows
    )
    if not any(allowed):
        yield Mistake(path, "publish-without-flow", names)


def _ports(path: FieldPath, published: Published, service: Service) -> Iterator[Mistake]:
    if service.protocol == "icmp" or any(first != last for first, last in service.ranges()):
        yield Mistake((*path, "service"), "publish-no-single-ports", {"service": published.service})


def _clashes(
    city: City, gateway: Gateway, path: FieldPath, published: Published, taken: dict[tuple[str, int], FieldPath]
) -> Iterator[Mistake]:
    own = {
        (city.services[name].protocol, port)
        for name in gateway.services
        if name in city.services
        for ends in city.services[name].ranges()
        for port in ends
    }
    service = city.services[published.service]
    for port, _ in service.ranges():
        other = taken.setdefault((service.protocol, port), path)
        names = {"port": port, "protocol": service.protocol}
        if other != path:
            yield Mistake(path, "publish-twice", names, other)
        if (service.protocol, port) in own:
            yield Mistake(path, "publish-own-port", names)
