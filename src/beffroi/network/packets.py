"""Exact sets of packets over one space: union, intersection, difference, emptiness, a witness. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from .classes import AddressClasses
from .conntrack import Packet
from .firewall import Match
from .intervals import Intervals
from .services import ANY_SERVICE, Services
from .space import Plane, Space, first_bit


@dataclass(frozen=True, eq=False)
class PacketSet:
    """A set of packets: for each major class of the space that holds any, its plane. Empty planes are left out."""

    space: Space
    planes: Mapping[int, Plane]

    def __bool__(self) -> bool:
        return bool(self.planes)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PacketSet) and other.space is self.space and other.planes == self.planes

    __hash__ = None  # type: ignore[assignment]

    def __or__(self, other: PacketSet) -> PacketSet:
        planes = dict(self.planes)
        for major, plane in other.planes.items():
            mine = planes.get(major)
            planes[major] = plane if mine is None else _union(mine, plane)
        return PacketSet(self.space, planes)

    def __and__(self, other: PacketSet) -> PacketSet:
        few, many = sorted((self.planes, other.planes), key=len)
        both = ((major, _intersection(plane, many[major])) for major, plane in few.items() if major in many)
        return PacketSet(self.space, {major: plane for major, plane in both if plane})

    def __sub__(self, other: PacketSet) -> PacketSet:
        left = (
            (major, _difference(plane, other.planes[major]) if major in other.planes else plane)
            for major, plane in self.planes.items()
        )
        return PacketSet(self.space, {major: plane for major, plane in left if plane})

    def __le__(self, other: PacketSet) -> bool:
        return not self - other

    def witness(self) -> Packet | None:
        """Return a packet of the set, always the same one; None when it is empty."""
        for major in sorted(self.planes):
            block, bits = min(self.planes[major].items())
            return self.space.packet(major, block, first_bit(bits))
        return None

    def first(self) -> PacketSet:
        """Return one class of packets of the set, always the same one; the empty set when it is empty."""
        for major in sorted(self.planes):
            block, bits = min(self.planes[major].items())
            return PacketSet(self.space, {major: {block: bits & -bits}})
        return self

    def holds(self, packet: Packet) -> bool:
        """Tell whether a packet is in the set."""
        space = self.space
        source = space.sources.class_of(packet.source)
        destination = space.destinations.class_of(packet.destination)
        major, minor = space.sides_of(source, destination)
        block, row = divmod(minor, space.block)
        bits = self.planes.get(major, {}).get(block, 0)
        return bool(bits >> (row * space.width + space.services.class_of(packet.service)) & 1)

    def rows(self) -> Iterator[tuple[int, int, int]]:
        """Yield (source class, destination class, bits of services)."""
        return self.space.rows(self.planes)

    def cells(self) -> int:
        """Return how many classes of packets the set holds."""
        return sum(bits.bit_count() for plane in self.planes.values() for bits in plane.values())


def nothing(space: Space) -> PacketSet:
    """Return the empty set."""
    return PacketSet(space, {})


def box(
    space: Space,
    source: Intervals | None = None,
    destination: Intervals | None = None,
    services: Services = ANY_SERVICE,
) -> PacketSet:
    """Return the packets with these addresses (None: any) and services; KeyError when the space was not cut by them."""
    major, minor = space.sides(source, destination)
    plane = dict(space.mask(minor, services))
    return PacketSet(space, dict.fromkeys(space.major_classes(major), plane) if plane else {})


def matched(space: Space, match: Match) -> PacketSet:
    """Return the packets whose header a match covers, whatever it asks of interfaces and conntrack."""
    if space.family not in match.families:
        return nothing(space)
    return box(space, match.source, match.destination, match.services)


def united(space: Space, sets: Iterable[PacketSet]) -> PacketSet:
    """Return the union of many sets."""
    planes: dict[int, Plane] = {}
    for each in sets:
        for major, plane in each.planes.items():
            mine = planes.setdefault(major, {})
            for block, bits in plane.items():
                mine[block] = mine.get(block, 0) | bits
    return PacketSet(space, planes)


def carried(each: PacketSet, space: Space) -> PacketSet:
    """Return the same set in a finer space of the same family: one cut by all that its own was cut by."""
    old = each.space
    sources = _parts(old.sources, space.sources)
    destinations = _parts(old.destinations, space.destinations)
    services: dict[int, int] = {}
    for number in range(space.width):
        at = old.services.class_of(space.services.sample(number))
        services[at] = services.get(at, 0) | 1 << number
    rows = (
        (one, other, sum(bits for at, bits in services.items() if row >> at & 1))
        for source, destination, row in each.rows()
        for one, other in product(sources[source], destinations[destination])
    )
    return PacketSet(space, space.planes(rows))


def _union(one: Plane, other: Plane) -> Plane:
    joined = dict(one)
    for block, bits in other.items():
        joined[block] = joined.get(block, 0) | bits
    return joined


def _intersection(one: Plane, other: Plane) -> Plane:
    return {block: both for block, bits in one.items() if (both := bits & other.get(block, 0))}


def _difference(one: Plane, other: Plane) -> Plane:
    return {block: left for block, bits in one.items() if (left := bits & ~other.get(block, 0))}


def _parts(coarse: AddressClasses, fine: AddressClasses) -> dict[int, list[int]]:
    parts: dict[int, list[int]] = {}
    for number, sample in enumerate(fine.samples):
        parts.setdefault(coarse.class_of(sample), []).append(number)
    return parts
