"""Exact sets of packets over one space: union, intersection, difference, emptiness, a witness. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from .classes import AddressClasses, ones
from .conntrack import Packet
from .firewall import Match
from .intervals import Intervals
from .services import ANY_SERVICE, Services
from .space import Plane, Space, first_bit

Part = tuple[int, Plane]
"""Major classes, a bit for each, and the plane that they share."""

_LOOKED_UP, _FEW, _PREPARED = 4, 32, 16
"""How many pairs of parts are compared in the time that one major class is looked up in, parts split in, and one major
class is prepared for being looked up in (measured)."""

_SCANNED = "_scanned"


@dataclass(frozen=True, eq=False)
class PacketSet:
    """A set of packets, in parts: major classes of the space that hold the same minor classes and services.

    No major class is in two parts; no part is empty. One firewall tells few of a large town's major classes apart, so
    that a few parts hold what it lets through, and what is done to one part is done to all of its major classes.
    """

    space: Space
    parts: tuple[Part, ...]

    def __reduce__(self) -> tuple[type[PacketSet], tuple[Space, tuple[Part, ...]]]:
        """Leave out what is only worked out from the parts, where a set goes to another process."""
        return PacketSet, (self.space, self.parts)

    @cached_property
    def planes(self) -> Mapping[int, Plane]:
        """Return the plane of each major class that holds any packet."""
        return {major: plane for majors, plane in self.parts for major in ones(majors)}

    @property
    def majors(self) -> int:
        """Return the major classes that hold any packet, a bit for each."""
        return sum(majors for majors, _ in self.parts)

    @cached_property
    def height(self) -> int:
        """Return how many major classes hold any packet."""
        return sum(majors.bit_count() for majors, _ in self.parts)

    def __bool__(self) -> bool:
        return bool(self.parts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PacketSet) and other.space is self.space and other.planes == self.planes

    __hash__ = None  # type: ignore[assignment]

    def __or__(self, other: PacketSet) -> PacketSet:
        return united(self.space, (self, other))

    def __and__(self, other: PacketSet) -> PacketSet:
        if self is other or not self.parts:
            return self
        if not other.parts:
            return other
        few, many = (self, other) if self.height <= other.height else (other, self)
        if self._in_parts(other, few) or many._is_scanned(len(few.parts)):
            met = [
                (both, _intersection(one, two))
                for majors, one in self.parts
                for others, two in other.parts
                if (both := majors & others)
            ]
        else:
            met = [
                (1 << major, _intersection(plane, many.planes[major]))
                for major, plane in few.planes.items()
                if major in many.planes
            ]
        return PacketSet(self.space, tuple(part for part in met if part[1]))

    def __sub__(self, other: PacketSet) -> PacketSet:
        if not (self.parts and other.parts):
            return self
        left: list[Part] = []
        if self._in_parts(other, self):
            for majors, plane in self.parts:
                rest = majors
                for others, taken in other.parts:
                    if both := rest & others:
                        rest ^= both
                        left.append((both, _difference(plane, taken)))
                left.append((rest, plane))
        else:
            for major, plane in self.planes.items():
                taken = other.planes.get(major, {})
                left.append((1 << major, _difference(plane, taken) if taken else plane))
        return PacketSet(self.space, tuple(part for part in left if part[0] and part[1]))

    def _in_parts(self, other: PacketSet, looked_up: PacketSet) -> bool:
        """Tell whether comparing parts is quicker than looking up each major class of a set."""
        pairs = len(self.parts) * len(other.parts)
        return pairs <= _LOOKED_UP or pairs <= _LOOKED_UP * looked_up.height

    def _is_scanned(self, times: int) -> bool:
        """Tell whether to look through all parts, so many times, rather than to prepare the look-up of major classes.

        Most sets are looked at a few times, some ten thousand times: once it has cost as much as it, it is prepared.
        """
        if "planes" in self.__dict__:
            return False
        scanned = self.__dict__.get(_SCANNED, 0) + times * len(self.parts)
        self.__dict__[_SCANNED] = scanned
        return bool(scanned <= _PREPARED * self.height)

    def __le__(self, other: PacketSet) -> bool:
        return not self - other

    def witness(self) -> Packet | None:
        """Return a packet of the set, always the same one; None when it is empty."""
        if not self.parts:
            return None
        major, plane = self._lowest()
        block, bits = min(plane.items())
        return self.space.packet(major, block, first_bit(bits))

    def first(self) -> PacketSet:
        """Return one class of packets of the set, always the same one; the empty set when it is empty."""
        if not self.parts:
            return self
        major, plane = self._lowest()
        block, bits = min(plane.items())
        return PacketSet(self.space, ((1 << major, {block: bits & -bits}),))

    def _lowest(self) -> tuple[int, Plane]:
        """Return the first major class and its plane."""
        return min((first_bit(majors), plane) for majors, plane in self.parts)

    def holds(self, packet: Packet) -> bool:
        """Tell whether a packet is in the set."""
        space = self.space
        source = space.sources.class_of(packet.source)
        destination = space.destinations.class_of(packet.destination)
        major, minor = space.sides_of(source, destination)
        block, row = divmod(minor, space.block)
        bits = next((plane.get(block, 0) for majors, plane in self.parts if majors >> major & 1), 0)
        return bool(bits >> (row * space.width + space.services.class_of(packet.service)) & 1)

    def rows(self) -> Iterator[tuple[int, int, int]]:
        """Yield (source class, destination class, bits of services)."""
        return self.space.rows(self.planes)

    def cells(self) -> int:
        """Return how many classes of packets the set holds."""
        return sum(
            majors.bit_count() * sum(bits.bit_count() for bits in plane.values()) for majors, plane in self.parts
        )


def nothing(space: Space) -> PacketSet:
    """Return the empty set."""
    return PacketSet(space, ())


def in_planes(space: Space, planes: Mapping[int, Plane]) -> PacketSet:
    """Return the packets of these planes, one for each major class; none is empty."""
    shared: dict[int, Part] = {}
    for major, plane in planes.items():
        majors, _ = shared.get(id(plane), (0, plane))
        shared[id(plane)] = majors | 1 << major, plane
    return PacketSet(space, tuple(shared.values()))


def box(
    space: Space,
    source: Intervals | None = None,
    destination: Intervals | None = None,
    services: Services = ANY_SERVICE,
) -> PacketSet:
    """Return the packets with these addresses (None: any) and services; KeyError when the space was not cut by them."""
    major, minor = space.sides(source, destination)
    plane, majors = space.plane(minor, services), space.major_bits(major)
    return PacketSet(space, ((majors, plane),) if plane and majors else ())


def matched(space: Space, match: Match) -> PacketSet:
    """Return the packets whose header a match covers, whatever it asks of interfaces and conntrack."""
    if space.family not in match.families:
        return nothing(space)
    return box(space, match.source, match.destination, match.services)


def united(space: Space, sets: Iterable[PacketSet]) -> PacketSet:
    """Return the union of many sets."""
    parts = [part for each in sets for part in each.parts]
    apart = seen = 0
    for majors, _ in parts:
        apart |= seen & majors
        seen |= majors
    if not apart:
        return PacketSet(space, tuple(parts))
    return PacketSet(space, tuple(_joined(parts)))


def _joined(parts: Sequence[Part]) -> Iterator[Part]:
    """Yield parts that share no major class and hold the same packets: those that share the same planes stay one."""
    for majors, planes in _split(parts) if len(parts) <= _FEW else _sorted(parts):
        yield majors, planes[0] if len(planes) == 1 else planes_united(planes)


def _split(parts: Iterable[Part]) -> Iterable[tuple[int, list[Plane]]]:
    """Return groups of major classes with all their planes, by splitting the groups that each part meets."""
    groups: list[tuple[int, list[Plane]]] = []
    for majors, plane in parts:
        split, new = [], majors
        for others, planes in groups:
            if both := others & majors:
                new ^= both
                split.append((both, [*planes, plane]))
            if rest := others ^ both:
                split.append((rest, planes))
        groups = [*split, (new, [plane])] if new else split
    return groups


def _sorted(parts: Iterable[Part]) -> Iterable[tuple[int, list[Plane]]]:
    """Return the same, by looking at each major class."""
    holders: dict[int, dict[int, Plane]] = {}
    for majors, plane in parts:
        for major in ones(majors):
            holders.setdefault(major, {})[id(plane)] = plane
    shared: dict[tuple[int, ...], tuple[int, list[Plane]]] = {}
    for major, planes in holders.items():
        majors, _ = shared.get(tuple(planes), (0, []))
        shared[tuple(planes)] = majors | 1 << major, list(planes.values())
    return shared.values()


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
    return in_planes(space, space.planes(rows))


def planes_united(planes: Iterable[Plane]) -> Plane:
    """Return all that some planes hold."""
    joined: Plane = {}
    for plane in planes:
        for block, bits in plane.items():
            joined[block] = joined.get(block, 0) | bits
    return joined


def _intersection(one: Plane, other: Plane) -> Plane:
    few, many = (one, other) if len(one) <= len(other) else (other, one)
    return {block: both for block, bits in few.items() if (both := bits & many.get(block, 0))}


def _difference(one: Plane, other: Plane) -> Plane:
    if len(one) <= len(other):
        return {block: left for block, bits in one.items() if (left := bits & ~other.get(block, 0))}
    remaining = dict(one)
    for block, bits in other.items():
        if block in remaining and not (rest := remaining[block] & ~bits):
            del remaining[block]
        elif block in remaining:
            remaining[block] = rest
    return remaining


def _parts(coarse: AddressClasses, fine: AddressClasses) -> dict[int, list[int]]:
    parts: dict[int, list[int]] = {}
    for number, sample in enumerate(fine.samples):
        parts.setdefault(coarse.class_of(sample), []).append(number)
    return parts
