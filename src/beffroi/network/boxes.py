"""Permits as disjoint boxes: what one named set of concatenated intervals can hold, each with its flows. Pure.

nftables refuses elements that overlap in part, so what an earlier flow opens is taken out of the later ones; flows that
open the very same box share an element.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import merge
from typing import NamedTuple

from .firewall import LAST_ADDRESS
from .intervals import Range

_BLOCKS = {4: 8, 6: 64}
"""Boxes whose destinations share all but these low bits are compared with one another: most are one segment's."""


class FlowBox(NamedTuple):
    """A product of ranges: sources, destinations, one protocol, destination ports."""

    source: Range
    destination: Range
    protocol: int
    ports: Range

    def meets(self, other: FlowBox) -> bool:
        """Tell whether the boxes share a packet."""
        return (
            self.protocol == other.protocol
            and _meets(self.source, other.source)
            and _meets(self.destination, other.destination)
            and _meets(self.ports, other.ports)
        )

    def without(self, other: FlowBox) -> Iterator[FlowBox]:
        """Yield the parts of this box that are not in a box that it meets."""
        met = self.met(other)
        for ports in _beside(self.ports, met.ports):
            yield self._replace(ports=ports)
        for destination in _beside(self.destination, met.destination):
            yield self._replace(destination=destination, ports=met.ports)
        for source in _beside(self.source, met.source):
            yield met._replace(source=source)

    def met(self, other: FlowBox) -> FlowBox:
        """Return the packets of both boxes, which must meet."""
        return FlowBox(
            _both(self.source, other.source),
            _both(self.destination, other.destination),
            self.protocol,
            _both(self.ports, other.ports),
        )


@dataclass(frozen=True)
class Opened:
    """A box, and the flows that open all of it, in the order of the town's files."""

    box: FlowBox
    flows: tuple[str, ...]


def disjoint(wanted: Iterable[tuple[str, FlowBox]]) -> list[Opened]:
    """Return boxes without overlap that cover the same packets, sorted, each with its flows."""
    flows: dict[FlowBox, list[str]] = {}
    near: dict[tuple[int, int], _Near] = {}
    wide: list[FlowBox] = []
    for name, box in wanted:
        if box in flows:
            flows[box] += [name] * (name not in flows[box])
            continue
        block = _block(box)
        others = [*(near[block].beside(box) if block in near else ()), *wide] if block else list(flows)
        for part in _parts(box, [other for other in others if box.meets(other)]):
            flows[part] = [name]
            where = _block(part)
            (near.setdefault(where, _Near()) if where else wide).append(part)
    return [Opened(box, tuple(flows[box])) for box in sorted(flows)]


class _Near:
    """Boxes of one block in the order in which they came: those of another single port meet nothing of a port's."""

    def __init__(self) -> None:
        self._all: list[FlowBox] = []
        self._of_port: dict[int, list[tuple[int, FlowBox]]] = {}
        self._of_ports: list[tuple[int, FlowBox]] = []

    def append(self, box: FlowBox) -> None:
        """Take one more box."""
        low, high = box.ports
        same = self._of_port.setdefault(low, []) if low == high else self._of_ports
        same.append((len(self._all), box))
        self._all.append(box)

    def beside(self, box: FlowBox) -> Iterable[FlowBox]:
        """Return the boxes that may meet a box, the first ones first: parts depend on the order of the cuts."""
        low, high = box.ports
        if low != high:
            return self._all
        of_port = self._of_port.get(low, [])
        return [other for _, other in (merge(of_port, self._of_ports) if self._of_ports else of_port)]


def _parts(box: FlowBox, others: Iterable[FlowBox]) -> list[FlowBox]:
    parts = [box]
    for other in others:
        parts = [left for part in parts for left in (part.without(other) if part.meets(other) else (part,))]
    return parts


def _block(box: FlowBox) -> tuple[int, int] | None:
    bits = _BLOCKS[4 if box.destination[1] <= LAST_ADDRESS[4] else 6]
    low, high = (end >> bits for end in box.destination)
    return (box.protocol, low) if low == high else None


def _meets(one: Range, other: Range) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]


def _both(one: Range, other: Range) -> Range:
    return max(one[0], other[0]), min(one[1], other[1])


def _beside(whole: Range, part: Range) -> Iterator[Range]:
    """Yield what is left of a range on both sides of a part of it."""
    if whole[0] < part[0]:
        yield whole[0], part[0] - 1
    if whole[1] > part[1]:
        yield part[1] + 1, whole[1]
