"""Who can talk to whom: which ordered pairs of named groups of addresses have any packet in a set. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .intervals import Intervals
from .packets import PacketSet, box
from .services import ANY_SERVICE
from .space import Blocks, Plane, Space


@dataclass(frozen=True)
class Pairs:
    """Groups of addresses, placed on both axes of a space; each must be a constraint that the space was cut by."""

    space: Space
    groups: Mapping[str, Intervals]

    def open(self, packets: PacketSet) -> set[tuple[str, str]]:
        """Return the pairs (source, destination) of groups with a packet in the set; a group may speak to itself."""
        space = self.space
        masks = {name: space.mask(addresses, ANY_SERVICE) for name, addresses in self.groups.items()}
        found: set[tuple[str, str]] = set()
        for name, addresses in self.groups.items():
            plane = _joined([packets.planes[at] for at in space.majors.covered[addresses] if at in packets.planes])
            reached = [other for other, blocks in masks.items() if _meets(plane, blocks)]
            found |= {(name, other) if space.by_source else (other, name) for other in reached}
        return found

    def between(self, packets: PacketSet, source: str, destination: str) -> PacketSet:
        """Return the packets of the set from one group to another."""
        space = self.space
        return packets & box(space, self.groups[source], self.groups[destination])


def _joined(planes: list[Plane]) -> Plane:
    joined: Plane = {}
    for plane in planes:
        for block, bits in plane.items():
            joined[block] = joined.get(block, 0) | bits
    return joined


def _meets(plane: Plane, blocks: Blocks) -> bool:
    return any(plane.get(block, 0) & mask for block, mask in blocks)
