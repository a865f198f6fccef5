"""Networks do not overlap, and every address stands where it belongs, once."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network
from itertools import combinations

from beffroi.city.model import City
from beffroi.city.net import Segment
from beffroi.fieldpath import FieldPath

from .mistake import Mistake

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

FAMILIES = ("ipv4", "ipv6")

_SPECIAL_V4 = ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/3")
_SPECIAL_V6 = ("::/127", "::ffff:0:0/96", "fe80::/10", "ff00::/8")
_SPECIAL = tuple(ip_network(text) for text in (*_SPECIAL_V4, *_SPECIAL_V6))
"""Networks that no segment may use: this host, loopback, link-local, multicast, reserved (RFC 6890)."""


def mistakes(city: City) -> Iterator[Mistake]:
    """Yield the networks, VLANs and addresses that clash or stand outside their segment."""
    yield from _networks(city)
    yield from _vlans(city)
    yield from _interfaces(city)
    yield from _twice(city)
    yield from _fleets(city)
    yield from _several_segments(city)


def _network(of: Segment, family: str) -> Network:
    return of.ipv4 if family == "ipv4" else of.ipv6


def _networks(city: City) -> Iterator[Mistake]:
    for family in FAMILIES:
        for name, segment in city.segments.items():
            network = _network(segment, family)
            if any(network.version == special.version and network.overlaps(special) for special in _SPECIAL):
                yield Mistake(("segments", name, family), "network-special", {"network": network})
        for (first, one), (second, two) in combinations(city.segments.items(), 2):
            if _network(one, family).overlaps(_network(two, family)):
                names = {"network": _network(two, family), "segment": first, "theirs": _network(one, family)}
                yield Mistake(("segments", second, family), "networks-overlap", names, ("segments", first, family))


def _vlans(city: City) -> Iterator[Mistake]:
    first: dict[int, str] = {}
    for name, segment in city.segments.items():
        holder = first.setdefault(segment.vlan, name)
        if holder != name:
            names = {"vlan": segment.vlan, "segment": holder}
            yield Mistake(("segments", name, "vlan"), "vlan-twice", names, ("segments", holder, "vlan"))


def _addresses(city: City) -> Iterator[tuple[FieldPath, str, Address]]:
    """Yield (field, segment, address) for every address of every machine."""
    for section, machines in (("gateways", city.gateways), ("hosts", city.hosts)):
        for name, machine in machines.items():
            for segment, interface in machine.interfaces.items():
                path = (section, name, "interfaces", segment)
                yield (*path, "ipv4"), segment, interface.ipv4
                yield (*path, "ipv6"), segment, interface.ipv6


def _interfaces(city: City) -> Iterator[Mistake]:
    for path, segment, address in _addresses(city):
        if segment not in city.segments:
            continue
        network = _network(city.segments[segment], str(path[-1]))
        names = {"address": address, "segment": segment, "network": network}
        if address not in network:
            yield Mistake(path, "address-outside", names, ("segments", segment, path[-1]))
        elif network.max_prefixlen - network.prefixlen > 1:
            if address == network.network_address:
                yield Mistake(path, "address-of-network", names)
            elif network.version == 4 and address == network.broadcast_address:  # noqa: PLR2004 - IPv4
                yield Mistake(path, "address-broadcast", names)


def _twice(city: City) -> Iterator[Mistake]:
    first: dict[Address, FieldPath] = {}
    for path, _, address in _addresses(city):
        holder = first.setdefault(address, path)
        if holder != path:
            yield Mistake(path, "address-twice", {"address": address, "holder": holder[1]}, holder)


def _fleets(city: City) -> Iterator[Mistake]:
    for name, fleet in city.fleets.items():
        for family in FAMILIES:
            path = ("fleets", name, family)
            network: Network = fleet.ipv4 if family == "ipv4" else fleet.ipv6
            yield from _fleet_in_segment(city, path, fleet.segment, network)
            for field, _, address in _addresses(city):
                if address in network:
                    names = {"network": network, "address": address, "machine": field[1]}
                    yield Mistake(path, "fleet-over-machine", names, field)
            if fleet.count > network.num_addresses:
                names = {"network": network, "count": fleet.count, "room": network.num_addresses}
                yield Mistake(path, "fleet-too-small", names)
    for (first, one), (second, two) in combinations(city.fleets.items(), 2):
        for family, clash in (("ipv4", one.ipv4.overlaps(two.ipv4)), ("ipv6", one.ipv6.overlaps(two.ipv6))):
            if clash:
                yield Mistake(("fleets", second, family), "fleets-overlap", {"fleet": first}, ("fleets", first, family))


def _fleet_in_segment(city: City, path: FieldPath, segment: str, network: Network) -> Iterator[Mistake]:
    if segment not in city.segments:
        return
    whole = _network(city.segments[segment], str(path[-1]))
    if network.prefixlen < whole.prefixlen or network.network_address not in whole:
        names = {"network": network, "segment": segment, "whole": whole}
        yield Mistake(path, "fleet-outside", names, ("segments", segment, path[-1]))


def _several_segments(city: City) -> Iterator[Mistake]:
    for name, host in city.hosts.items():
        if host.forwarding:
            yield Mistake(("hosts", name, "forwarding"), "host-forwards", {"name": name})
        if len(host.interfaces) > 1:
            names = {"name": name, "segments": ", ".join(host.interfaces)}
            yield Mistake(("hosts", name, "interfaces"), "host-several-segments", names)
