"""A town as packets see it: its machines with their firewalls and routes, and the segments that join them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

from beffroi.city import INTERNET, City
from beffroi.city.sameness import Same

from .firewall import ACROSS, LAST_ADDRESS, Family, Firewall, Match
from .intervals import Intervals, complement, difference, intersection, normal, union
from .reader.beside import on_devices
from .routing import routes, segment_gateway

FAMILIES: tuple[Family, ...] = (4, 6)
OUTSIDE = ""
"""The next hop that is none of ours: the operator's router."""

_MARTIANS = {4: ("0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/4", "255.255.255.255/32"), 6: ("::/127", "ff00::/8")}
_LINK_LOCAL: dict[Family, tuple[str, ...]] = {4: (), 6: ("fe80::/10",)}
_FOR_ALL_ON_THE_LINK = {4: ("224.0.0.0/4", "255.255.255.255/32"), 6: ("fe80::/10", "ff00::/8")}


@dataclass(frozen=True)
class Exit:
    """Where a machine sends what goes to `destinations`: an interface, and the machine that is the next hop.

    `via` is None when the destination is on that very segment, OUTSIDE for the operator's router.
    """

    destinations: Intervals
    interface: str
    via: str | None


@dataclass(frozen=True, eq=False)
class Device:
    """A managed machine: its firewall, its addresses by family and segment, and its routes, longest prefix first."""

    name: str
    firewall: Firewall
    forwards: bool
    addresses: Mapping[str, Mapping[Family, int]]
    exits: Mapping[Family, tuple[Exit, ...]]

    def own(self, family: Family) -> Intervals:
        """Return its addresses."""
        return _own(self, family)

    def local(self, family: Family) -> Intervals:
        """Return the destinations that it takes for itself: its own, and those of everybody on a link."""
        return _local(self, family)


@lru_cache(maxsize=4096)
def _own(device: Device, family: Family) -> Intervals:
    return normal((each[family], each[family]) for each in device.addresses.values())


@lru_cache(maxsize=4096)
def _local(device: Device, family: Family) -> Intervals:
    return union(_own(device, family), intervals_of(_FOR_ALL_ON_THE_LINK[family]))


@dataclass(frozen=True)
class Town:
    """Machines by name, and each segment's addresses; the segment `internet` holds all that no other one does."""

    devices: Mapping[str, Device]
    segments: Mapping[str, Mapping[Family, Intervals]]
    city: City

    def on(self, segment: str) -> list[Device]:
        """Return the machines of a segment."""
        return self._members.get(segment, [])

    def bridges(self, segment: str) -> list[Device]:
        """Return the machines that may pass frames from port to port of a segment, and have rules about that."""
        if segment not in self._bridges:
            self._bridges[segment] = [
                device
                for device in self.on(segment)
                if any(device.firewall.hooked(ACROSS, family) for family in FAMILIES)
            ]
        return self._bridges[segment]

    @cached_property
    def _members(self) -> dict[str, list[Device]]:
        members: dict[str, list[Device]] = {}
        for device in self.devices.values():
            for segment in device.addresses:
                members.setdefault(segment, []).append(device)
        return members

    @cached_property
    def _bridges(self) -> dict[str, list[Device]]:
        return {}

    def gateway(self, segment: str) -> str | None:
        """Return the gateway that machines which are not managed use on a segment."""
        return OUTSIDE if segment == INTERNET else segment_gateway(self.city, segment)

    def matches(self, family: Family) -> Iterator[Match]:
        """Yield the constraints that routes and addresses put on both axes."""
        wanted = [martians(family), never_forwarded(family), *(each[family] for each in self.segments.values())]
        for device in self.devices.values():
            wanted += [device.own(family), device.local(family)]
            wanted += [exit_.destinations for exit_ in device.exits[family]]
        for addresses in dict.fromkeys(wanted):
            yield Match(families=frozenset({family}), source=addresses, destination=addresses)


def town_of(city: City, firewalls: Mapping[str, Firewall]) -> Town:
    """Join a city's machines with their firewalls, committed or observed; KeyError when a machine has none."""
    holders = {
        address: name
        for name, machine in city.machines().items()
        for interface in machine.interfaces.values()
        for address in (interface.ipv4, interface.ipv6)
    }
    known: dict[tuple[str, ...], Mapping[Family, tuple[Exit, ...]]] = {}
    devices = {}
    for name, machine in city.machines().items():
        # A host's routes depend on nothing but its segments, and thousands of hosts stand on a few.
        where = (name if name in city.gateways else "", *machine.interfaces)
        if where not in known:
            known[where] = {family: tuple(_exits(city, name, family, holders)) for family in FAMILIES}
        devices[name] = _device(city, name, firewalls[name], known[where])
    segments: dict[str, dict[Family, Intervals]] = {
        name: {4: intervals_of([segment.ipv4]), 6: intervals_of([segment.ipv6])}
        for name, segment in city.inner_segments().items()
    }
    if INTERNET in city.segments:
        segments[INTERNET] = {family: outside(city, family) for family in FAMILIES}
    return Town(devices, segments, city)


def outside(city: City, family: Family) -> Intervals:
    """Return every address that packets may reach outside: neither the town's, nor one that never crosses a router."""
    return _outside(Same(city), family)


@lru_cache(maxsize=16)
def _outside(same: Same, family: Family) -> Intervals:
    city = same.city
    inner = [segment.ipv4 if family == 4 else segment.ipv6 for segment in city.inner_segments().values()]  # noqa: PLR2004
    uplinks = [machine.interfaces[INTERNET] for machine in city.members(INTERNET).values()]
    own = [ip_network(uplink.ipv4 if family == 4 else uplink.ipv6) for uplink in uplinks]  # noqa: PLR2004
    taken = union(intervals_of([*inner, *own]), never_forwarded(family))
    return complement(taken, LAST_ADDRESS[family])


@lru_cache
def martians(family: Family) -> Intervals:
    """Return the sources that no kernel takes from a link (net/ipv4/route.c, net/ipv6/ip6_input.c)."""
    return intervals_of(_MARTIANS[family])


@lru_cache
def never_forwarded(family: Family) -> Intervals:
    """Return the addresses, source or destination, that no kernel forwards, whatever its ruleset."""
    return intervals_of((*_MARTIANS[family], *_LINK_LOCAL[family]))


def intervals_of(networks: list[IPv4Network | IPv6Network] | tuple[str, ...]) -> Intervals:
    """Return the addresses of networks, as numbers."""
    found = [ip_network(network) for network in networks]
    return normal((int(each.network_address), int(each.broadcast_address)) for each in found)


def _device(city: City, name: str, firewall: Firewall, exits: Mapping[Family, tuple[Exit, ...]]) -> Device:
    machine = city.machine(name)
    addresses: dict[str, dict[Family, int]] = {
        segment: {4: int(interface.ipv4), 6: int(interface.ipv6)} for segment, interface in machine.interfaces.items()
    }
    return Device(name, on_devices(firewall, addresses), name in city.gateways, addresses, exits)


def _exits(city: City, name: str, family: Family, holders: Mapping[IPv4Address | IPv6Address, str]) -> Iterator[Exit]:
    """Yield the machine's routes without overlap: each with the destinations that no longer prefix takes."""
    segments = {segment: city.segments[segment] for segment in city.machine(name).interfaces}
    known: list[tuple[IPv4Network | IPv6Network, str, str | None]] = [
        (segment.ipv4 if family == 4 else segment.ipv6, interface, None)  # noqa: PLR2004 - the families are numbers
        for interface, segment in segments.items()
    ]
    known += [
        (route.to, route.dev, holders.get(route.via, OUTSIDE))
        for route in routes(city, name)
        if route.to.version == family
    ]
    left = complement(never_forwarded(family), LAST_ADDRESS[family])
    for network, interface, via in sorted(known, key=lambda each: -each[0].prefixlen):
        destinations = intersection(intervals_of([network]), left)
        if destinations:
            yield Exit(destinations, interface, via)
        left = difference(left, destinations)
