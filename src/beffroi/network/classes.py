"""Cuts an axis into classes: the values that no constraint tells apart. Pure, standard library only.

Constraints are swept over the axis once; a class is a set of values that the same constraints cover, named by one of
its values. What is then computed on classes is exact for every value.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from beffroi.errors import BeffroiError
from beffroi.messages import say

from .intervals import Intervals, Range, holds
from .services import ALL_FLAGS, ICMP, ICMPV6, LAST_PORT, LAST_PROTOCOL, PORTED, TCP, Box, Point, Services

MOST_CLASSES = 4_000_000
"""Beyond this many classes on one axis an answer would not come in bounded time and memory."""

_PLAIN_CLIENT_PORT, _SYN = 50000, 2


class TooComplexError(BeffroiError):
    """An exact answer would not come in bounded time and memory; exit 2."""

    def __init__(self, count: int) -> None:
        super().__init__(say("prove-too-complex", count=count), hint=say("prove-too-complex-hint"))


@dataclass(frozen=True)
class AddressClasses:
    """The classes of an axis of addresses.

    `cuts[i]` begins a range that belongs to class `of[i]`; `covered[k]` lists the classes that constraint k covers;
    `samples[c]` is a value of class c.
    """

    cuts: list[int]
    of: list[int]
    samples: list[int]
    covered: dict[Intervals, list[int]]
    last: int

    def class_of(self, address: int) -> int:
        """Return the class of an address."""
        return self.of[bisect_right(self.cuts, address) - 1]

    def ranges(self, wanted: set[int]) -> Iterator[Range]:
        """Yield the ranges of addresses that the wanted classes hold, in order."""
        for at, low in enumerate(self.cuts):
            if self.of[at] in wanted:
                yield low, (self.cuts[at + 1] - 1 if at + 1 < len(self.cuts) else self.last)


def address_classes(constraints: Iterable[Intervals], last: int) -> AddressClasses:
    """Cut the addresses from 0 to `last` by constraints; classes are numbered in the order of their first address."""
    distinct = list(dict.fromkeys(constraints))
    toggles: dict[int, int] = {0: 0}
    for index, intervals in enumerate(distinct):
        for low, high in intervals:
            toggles[low] = toggles.get(low, 0) ^ 1 << index
            if high < last:
                toggles[high + 1] = toggles.get(high + 1, 0) ^ 1 << index
    if len(toggles) > MOST_CLASSES:
        raise TooComplexError(len(toggles))
    cuts = sorted(toggles)
    known: dict[int, int] = {}
    of: list[int] = []
    samples: list[int] = []
    covering = 0
    for cut in cuts:
        covering ^= toggles[cut]
        if covering not in known:
            known[covering] = len(samples)
            samples.append(cut)
        of.append(known[covering])
    covered: dict[Intervals, list[int]] = {intervals: [] for intervals in distinct}
    for signature, number in known.items():
        for index in ones(signature):
            covered[distinct[index]].append(number)
    return AddressClasses(cuts, of, samples, covered, last)


@dataclass(frozen=True)
class ServiceClasses:
    """The classes of the service axis: one cell or several, each a box; `masks[s]` has a bit for each class of s."""

    cells: list[list[Box]]
    masks: dict[Services, int]

    def sample(self, number: int) -> Point:
        """Return a service of the class, the plainest that there is: a client's port, a SYN."""
        points = (_plainest(cell) for cell in self.cells[number])
        return max(points, key=lambda point: point.first == _PLAIN_CLIENT_PORT)

    def class_of(self, point: Point) -> int:
        """Return the class of a service."""
        return next(number for number, cells in enumerate(self.cells) if any(cell.holds(point) for cell in cells))


def service_classes(constraints: Iterable[Services]) -> ServiceClasses:
    """Cut the service axis by constraints; raise TooComplexError when they tell too much apart."""
    distinct = list(dict.fromkeys(constraints))
    known: dict[int, int] = {}
    cells: list[list[Box]] = []
    for cell, signature in _cells(distinct):
        number = known.setdefault(signature, len(cells))
        if number == len(cells):
            cells.append([])
        cells[number].append(cell)
    masks = dict.fromkeys(distinct, 0)
    for signature, number in known.items():
        for index in ones(signature):
            masks[distinct[index]] |= 1 << number
    return ServiceClasses(cells, masks)


def ones(bits: int) -> Iterator[int]:
    """Yield the positions of the bits that are set, lowest first."""
    for at, byte in enumerate(bits.to_bytes((bits.bit_length() + 7) // 8, "little")):
        rest = byte
        while rest:
            lowest = rest & -rest
            yield at * 8 + lowest.bit_length() - 1
            rest ^= lowest


def _cells(constraints: Sequence[Services]) -> Iterator[tuple[Box, int]]:
    """Yield boxes that no constraint tells apart, with the constraints that cover them (bit k for constraint k)."""
    owners: dict[Box, int] = {}
    for index, services in enumerate(constraints):
        for box in services.boxes:
            owners[box] = owners.get(box, 0) | 1 << index
    special = [((number, number),) for number in (*PORTED, ICMP, ICMPV6)]
    yielded = 0
    for low, high in _pieces([*(box.protocols for box in owners), *special], LAST_PROTOCOL):
        here = [box for box in owners if holds(box.protocols, low)]
        for cell in _cells_of(low, high, here):
            yielded += 1
            if yielded > MOST_CLASSES:
                raise TooComplexError(yielded)
            signature = 0
            for box in cell[1]:
                signature |= owners[box]
            yield cell[0], signature


def _cells_of(low: int, high: int, boxes: list[Box]) -> Iterator[tuple[Box, list[Box]]]:
    """Cut the protocols from `low` to `high`, which `boxes` cover, by what they say of numbers and flags."""
    protocols = ((low, high),)
    numbered = low in PORTED or low in {ICMP, ICMPV6}
    if not numbered:
        yield Box(protocols), boxes
        return
    for first in _pieces([box.first for box in boxes], LAST_PORT):
        by_first = [box for box in boxes if holds(box.first, first[0])]
        for second in _pieces([box.second for box in by_first], LAST_PORT):
            by_second = [box for box in by_first if holds(box.second, second[0])]
            for flags in _flag_pieces([box.flags for box in by_second]) if low == TCP else (ALL_FLAGS,):
                covering = [box for box in by_second if box.flags & flags]
                yield Box(protocols, (first,), (second,), flags), covering


def _pieces(constraints: Iterable[Intervals], last: int) -> Iterator[Range]:
    """Yield the ranges of 0 to `last` between two bounds of the constraints."""
    starts = {0}
    for low, high in {each for intervals in set(constraints) for each in intervals}:
        starts |= {low, high + 1}
    ordered = sorted(start for start in starts if start <= last)
    yield from zip(ordered, [*(start - 1 for start in ordered[1:]), last], strict=True)


def _flag_pieces(constraints: Iterable[int]) -> list[int]:
    pieces = [ALL_FLAGS]
    for flags in dict.fromkeys(constraints):
        pieces = [part for piece in pieces for part in (piece & flags, piece & ~flags) if part]
    return pieces


def _plainest(cell: Box) -> Point:
    protocol = cell.protocols[0][0]
    from_client = protocol in PORTED and holds(cell.first, _PLAIN_CLIENT_PORT)
    first = _PLAIN_CLIENT_PORT if from_client else cell.first[0][0]
    flags = _SYN if cell.flags >> _SYN & 1 else next(ones(cell.flags))
    numbered = protocol in PORTED or protocol in {ICMP, ICMPV6}
    return Point(
        protocol, first if numbered else 0, cell.second[0][0] if numbered else 0, flags if protocol == TCP else 0
    )
