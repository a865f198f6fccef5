"""What network address translation does to sets of packets, and back. Pure.

A set is kept as the packets that were sent; a rewriting says what they have become. Rules are evaluated on the image,
and what they decide is pulled back onto the packets that were sent. A translation that may choose among addresses or
ports gives several images: a packet is pulled back when any of its images was meant.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product

from .classes import ones
from .firewall import Match, Translation
from .intervals import Intervals, intersection
from .packets import PacketSet, in_planes
from .services import NUMBERS, PORTED, Box, Services, only
from .space import Space


@dataclass(frozen=True)
class Rewriting:
    """New addresses and ports, None where the packet keeps its own."""

    source: Intervals | None = None
    destination: Intervals | None = None
    first: Intervals | None = None
    second: Intervals | None = None

    def then(self, translation: Translation, own: Intervals) -> Rewriting:
        """Return this rewriting followed by a nat rule's; `own` is what the rule means by the machine's own address."""
        addresses = own if translation.own else translation.addresses
        if translation.side == "source":
            # The kernel keeps the source port unless another connection holds it: no rule may count on it.
            ports = translation.ports or NUMBERS
            return replace(self, source=addresses or self.source, first=ports)
        return replace(self, destination=addresses or self.destination, second=translation.ports or self.second)

    def matches(self) -> Iterator[Match]:
        """Yield the constraints that a space must be cut by, for the image of a class to be made of whole classes."""
        for addresses in (self.source, self.destination):
            if addresses is not None:
                yield Match(source=addresses)
                yield Match(destination=addresses)

    def before(self, services: Services) -> Services:
        """Return the services that may become one of `services`."""
        if self.first is None and self.second is None:
            return services
        boxes = []
        for box in services.boxes:
            numbered = intersection(box.protocols, only(PORTED))
            one = box.first if self.first is None else intersection(box.first, self.first) and NUMBERS
            two = box.second if self.second is None else intersection(box.second, self.second) and NUMBERS
            boxes += [Box(numbered, one, two, box.flags), box]
        return Services(tuple(box for box in boxes if box))


UNCHANGED = Rewriting()


def image(packets: PacketSet, rewriting: Rewriting) -> PacketSet:
    """Return what the packets have become."""
    if rewriting is UNCHANGED or rewriting == UNCHANGED:
        return packets
    space = packets.space
    rows = (
        (*ends, _onward(space, rewriting, bits))
        for source, destination, bits in packets.rows()
        for ends in _ends(space, rewriting, source, destination)
    )
    return in_planes(space, space.planes(rows))


def pulled(sent: PacketSet, rewriting: Rewriting, became: PacketSet) -> PacketSet:
    """Return the packets of `sent` that may have become one of `became`."""
    if rewriting is UNCHANGED or rewriting == UNCHANGED:
        return sent & became
    space = sent.space
    known = {(source, destination): bits for source, destination, bits in became.rows()}
    rows = []
    for source, destination, bits in sent.rows():
        reached = 0
        for ends in _ends(space, rewriting, source, destination):
            reached |= known.get(ends, 0)
        if kept := _backward(space, rewriting, bits, reached):
            rows.append((source, destination, kept))
    return in_planes(space, space.planes(rows))


def _ends(space: Space, rewriting: Rewriting, source: int, destination: int) -> Iterator[tuple[int, int]]:
    sources = [source] if rewriting.source is None else space.sources.covered[rewriting.source]
    destinations = [destination] if rewriting.destination is None else space.destinations.covered[rewriting.destination]
    return product(sources, destinations)


def _onward(space: Space, rewriting: Rewriting, bits: int) -> int:
    if rewriting.first is None and rewriting.second is None:
        return bits
    images = _images(space, rewriting.first, rewriting.second)
    became = 0
    for service in ones(bits):
        became |= images[service]
    return became


def _backward(space: Space, rewriting: Rewriting, bits: int, reached: int) -> int:
    if not reached or (rewriting.first is None and rewriting.second is None):
        return bits & reached
    images = _images(space, rewriting.first, rewriting.second)
    return sum(1 << service for service in ones(bits) if images[service] & reached)


@lru_cache(maxsize=64)
def _images(space: Space, first: Intervals | None, second: Intervals | None) -> list[int]:
    """Return, for each class of services, the classes that it may become."""
    return [_image(space, first, second, space.services.cells[number]) for number in range(space.width)]


def _image(space: Space, first: Intervals | None, second: Intervals | None, cells: list[Box]) -> int:
    found = 0
    for cell in cells:
        became = cell
        if cell.protocols[0][0] in PORTED:
            became = replace(cell, first=first or cell.first, second=second or cell.second)
        for number, others in enumerate(space.services.cells):
            if any(became & other for other in others):
                found |= 1 << number
    return found
