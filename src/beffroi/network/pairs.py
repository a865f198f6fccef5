"""Who can talk to whom: which ordered pairs of named groups of addresses have any packet in a set. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from .intervals import Intervals
from .packets import PacketSet, box, planes_united
from .services import ANY_SERVICE
from .space import Plane, Space


@dataclass(frozen=True)
class Pairs:
    """Groups of addresses, placed on both axes of a space; each must be a constraint that the space was cut by."""

    space: Space
    groups: Mapping[str, Intervals]

    def open(self, packets: PacketSet) -> set[tuple[str, str]]:
        """Return the pairs (source, destination) of groups with a packet in the set; a group may speak to itself."""
        space = self.space
        found: set[tuple[str, str]] = set()
        known: dict[frozenset[int], list[str]] = {}
        for name, addresses in self.groups.items():
            planes = [packets.planes[at] for at in space.majors.covered[addresses] if at in packets.planes]
            alike = frozenset(map(id, planes))
            if alike not in known:
                known[alike] = self._reached(planes_united({id(plane): plane for plane in planes}.values()))
            found |= {(name, other) if space.by_source else (other, name) for other in known[alike]}
        return found

    def _reached(self, plane: Plane) -> list[str]:
        """Return the groups on the minor axis that have a packet in the plane."""
        meets = (name for block, bits in plane.items() for name, mask in self._masks.get(block, ()) if bits & mask)
        return list(dict.fromkeys(meets))

    @cached_property
    def _masks(self) -> dict[int, list[tuple[str, int]]]:
        """Return for each block the groups that stand in it, with their bits."""
        masks: dict[int, list[tuple[str, int]]] = {}
        for name, addresses in self.groups.items():
            for block, mask in self.space.mask(addresses, ANY_SERVICE):
                masks.setdefault(block, []).append((name, mask))
        return masks

    def between(self, packets: PacketSet, source: str, destination: str) -> PacketSet:
        """Return the packets of the set from one group to another."""
        space = self.space
        return packets & box(space, self.groups[source], self.groups[destination])
