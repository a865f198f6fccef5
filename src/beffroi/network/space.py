"""A space of packets of one family, cut into classes that no rule of interest tells apart. Pure, standard library only.

A packet is (source, destination, service). One of the two addresses is the *major* axis: for each of its classes a set
of packets is a plane, a few big integers with a bit for each pair of a minor class and a service class. Minor classes
stand in blocks of neighbours, so that what a rule says of one host touches one small integer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from .classes import AddressClasses, ServiceClasses, TooComplexError, address_classes, ones, service_classes
from .conntrack import Packet
from .firewall import FINAL, LAST_ADDRESS, Family, Firewall, Match, State
from .intervals import Intervals
from .services import ANY_SERVICE, Services

Plane = dict[int, int]
"""The packets of one major class: for each block that holds any, a bit for each (minor class, service class)."""

Blocks = tuple[tuple[int, int], ...]
"""A plane as pairs of block and bits."""

_BLOCK_BITS = 1200
"""Wide enough that a segment's hosts share a block, narrow enough that one host's rule stays cheap (measured)."""

MOST_CELLS = 40_000_000_000


@dataclass(frozen=True, eq=False)
class Space:
    """The classes of every axis, and the way to write sets of packets as planes."""

    family: Family
    sources: AddressClasses
    destinations: AddressClasses
    services: ServiceClasses
    by_source: bool

    def __reduce__(self) -> tuple[type[Space], tuple[object, ...]]:
        """Leave out what is only worked out from the classes, where a space goes to another process."""
        return Space, (self.family, self.sources, self.destinations, self.services, self.by_source)

    @property
    def majors(self) -> AddressClasses:
        """Return the classes that each have a plane of their own."""
        return self.sources if self.by_source else self.destinations

    @property
    def minors(self) -> AddressClasses:
        """Return the classes that share a plane."""
        return self.destinations if self.by_source else self.sources

    @cached_property
    def width(self) -> int:
        """Return the number of service classes: the bits of one minor class in a plane."""
        return len(self.services.cells)

    @cached_property
    def block(self) -> int:
        """Return the number of minor classes in a block."""
        return max(1, _BLOCK_BITS // self.width)

    @cached_property
    def all_services(self) -> int:
        """Return the bits of every service."""
        return (1 << self.width) - 1

    @cached_property
    def _columns(self) -> dict[Intervals | None, Blocks]:
        return {}

    @cached_property
    def _major_bits(self) -> dict[Intervals | None, int]:
        return {}

    @cached_property
    def _masks(self) -> dict[tuple[Intervals | None, Services], Blocks]:
        return {}

    @cached_property
    def _planes(self) -> dict[tuple[Intervals | None, Services], Plane]:
        return {}

    def major_classes(self, addresses: Intervals | None) -> Iterable[int]:
        """Return the major classes that a constraint covers; it must be one that the space was cut by."""
        return range(len(self.majors.samples)) if addresses is None else self.majors.covered[addresses]

    def major_bits(self, addresses: Intervals | None) -> int:
        """Return the same, a bit for each."""
        if addresses not in self._major_bits:
            self._major_bits[addresses] = sum(1 << number for number in self.major_classes(addresses))
        return self._major_bits[addresses]

    def mask(self, addresses: Intervals | None, services: Services) -> Blocks:
        """Return the plane of minor `addresses` and `services`; both must be ones that the space was cut by."""
        key = (addresses, services)
        if key not in self._masks:
            bits = self.all_services if services == ANY_SERVICE else self.services.masks[services]
            self._masks[key] = (
                tuple((block, column * bits) for block, column in self._column(addresses)) if bits else ()
            )
        return self._masks[key]

    def plane(self, addresses: Intervals | None, services: Services) -> Plane:
        """Return the same as a plane, one that all who ask share: nobody may change it."""
        key = (addresses, services)
        if key not in self._planes:
            self._planes[key] = dict(self.mask(addresses, services))
        return self._planes[key]

    def _column(self, addresses: Intervals | None) -> Blocks:
        """Return, block by block, the lowest bit of each minor class that the constraint covers."""
        if addresses not in self._columns:
            classes = range(len(self.minors.samples)) if addresses is None else self.minors.covered[addresses]
            self._columns[addresses] = self.columns(classes)
        return self._columns[addresses]

    def columns(self, classes: Iterable[int]) -> Blocks:
        """Return, block by block, the lowest bit of each of these minor classes."""
        plane: Plane = {}
        for number in classes:
            block, row = divmod(number, self.block)
            plane[block] = plane.get(block, 0) | 1 << row * self.width
        return tuple(plane.items())

    def sides(
        self, source: Intervals | None, destination: Intervals | None
    ) -> tuple[Intervals | None, Intervals | None]:
        """Return the same two constraints as (major, minor)."""
        return (source, destination) if self.by_source else (destination, source)

    def packet(self, major: int, block: int, bit: int) -> Packet:
        """Return a packet of one cell: the plainest service, the lowest addresses."""
        row, service = divmod(bit, self.width)
        one, other = self.majors.samples[major], self.minors.samples[block * self.block + row]
        source, destination = self.sides_of(one, other)
        return Packet(self.family, source, destination, self.services.sample(service))

    def sides_of(self, major: int, minor: int) -> tuple[int, int]:
        """Return (source, destination) from what stands on the major and on the minor axis."""
        return (major, minor) if self.by_source else (minor, major)

    def rows(self, planes: Mapping[int, Plane]) -> Iterator[tuple[int, int, int]]:
        """Yield (source class, destination class, bits of services) for each pair of classes in the planes."""
        for major, plane in planes.items():
            for block, bits in plane.items():
                row, rest = block * self.block, bits
                while rest:
                    if here := rest & self.all_services:
                        yield *self.sides_of(major, row), here
                    rest >>= self.width
                    row += 1

    def planes(self, rows: Iterable[tuple[int, int, int]]) -> dict[int, Plane]:
        """Return the planes of (source class, destination class, bits of services)."""
        found: dict[int, Plane] = {}
        for source, destination, bits in rows:
            major, minor = self.sides_of(source, destination)
            block, row = divmod(minor, self.block)
            plane = found.setdefault(major, {})
            plane[block] = plane.get(block, 0) | bits << row * self.width
        return found


def space_of(family: Family, matches: Iterable[Match], *, by_source: bool | None = None) -> Space:
    """Cut a space by every constraint of `matches` on packets of `family`.

    Without `by_source` the cheaper axis is the major one. Raise TooComplexError rather than run out of memory.
    """
    wanted = [match for match in matches if family in match.families]
    last = LAST_ADDRESS[family]
    sources = address_classes((match.source for match in wanted if match.source is not None), last)
    destinations = address_classes((match.destination for match in wanted if match.destination is not None), last)
    services = service_classes(match.services for match in wanted)
    cells = len(sources.samples) * len(destinations.samples) * len(services.cells)
    if cells > MOST_CELLS:
        raise TooComplexError(cells)
    made = Space(family, sources, destinations, services, by_source=True)
    if by_source is None:
        other = Space(family, sources, destinations, services, by_source=False)
        return min(made, other, key=lambda space: _cost(space, wanted))
    return made if by_source else Space(family, sources, destinations, services, by_source=False)


def _cost(space: Space, matches: Iterable[Match]) -> int:
    """Return how many integers the rules would touch: for each, its major classes times its minor blocks."""
    cost = 0
    everywhere = len(space.majors.samples)
    for match in matches:
        major, minor = space.sides(match.source, match.destination)
        height = everywhere if major is None else len(space.majors.covered[major])
        cost += height * len(space._column(minor))  # noqa: SLF001 - its own function
    return cost


def first_bit(bits: int) -> int:
    """Return the position of the lowest bit that is set."""
    return next(ones(bits)) if bits < 1 << 64 else (bits & -bits).bit_length() - 1


def matches_of(firewall: Firewall, *, tracked: bool = False) -> Iterator[Match]:
    """Yield every match of a firewall, and the mirror of those that may meet an answer: what a space is cut by.

    Mirrors are dear, since they cut source ports by destination ports. With `tracked` all answers are established:
    no mirror is given for what stands in a chain after a rule that decides on every established packet.
    """
    for table in firewall.tables:
        for chain in table.chains.values():
            answered = False
            for case in (case for rule in chain.rules for case in rule.cases):
                match = case.match
                yield match
                if not answered and (match.states is None or match.states & _ANSWERING):
                    yield match.mirrored()
                    everything = replace(match, states=None) == _EVERYTHING and _is_established(match)
                    answered = tracked and everything and case.verdict.verb in FINAL


def _is_established(match: Match) -> bool:
    return match.states is None or State.ESTABLISHED in match.states


_ANSWERING = frozenset({State.ESTABLISHED, State.UNTRACKED, State.INVALID})
_EVERYTHING = Match()
