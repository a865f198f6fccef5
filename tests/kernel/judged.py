"""What the symbolic engine says of one packet through one firewall: asked packet by packet, as the kernel is."""

from __future__ import annotations

from dataclasses import dataclass

from beffroi.network.answering import Returning
from beffroi.network.conntrack import Packet, first_tracking
from beffroi.network.firewall import Family, Firewall, Tracking
from beffroi.network.intervals import normal
from beffroi.network.packets import PacketSet, box
from beffroi.network.reach import Reach, reach, town_space
from beffroi.network.town import Device, Exit, Town

from .namespaces import Plan

NAME = "firewall"


class OneFirewallTown(Town):
    """A town of one machine, which is everybody's gateway."""

    def gateway(self, segment: str) -> str | None:
        return NAME if segment in self.segments else None


@dataclass
class Model:
    """The engine on one firewall, each family and each way of tracking evaluated once for all packets."""

    firewall: Firewall
    plan: Plan

    def __post_init__(self) -> None:
        self._reached: dict[tuple[Family, Tracking], Reach] = {}
        self._answered: dict[tuple[Family, int], PacketSet] = {}
        exits: dict[Family, tuple[Exit, ...]] = {}
        for family in (4, 6):
            exits[family] = tuple(
                Exit(_spans(cable.behind, family), name, None) for name, cable in self.plan.cables.items()
            )
        addresses = {
            name: {family: cable.own_of(family)[0] for family in (4, 6)} for name, cable in self.plan.cables.items()
        }
        device = Device(NAME, self.firewall, forwards=True, addresses=addresses, exits=exits)  # type: ignore[arg-type]
        segments = {
            name: {family: _spans(cable.behind, family) for family in (4, 6)}
            for name, cable in self.plan.cables.items()
        }
        self.town = OneFirewallTown({NAME: device}, segments, None)  # type: ignore[arg-type]
        self.spaces = {family: town_space(self.town, family) for family in (4, 6)}

    def ends(self, entry: str, packet: Packet) -> set[str] | None:
        """Return where a packet of no connection gets: an interface, the firewall itself (empty), or nowhere.

        None is for what is not modelled, such as two bytes of an ICMP header read as a port.
        """
        reached = self._of(packet.family, first_tracking(packet))
        near = [each for each in reached.arrivals if each.start == entry]
        cell = self._cell(packet)
        if any(_in(each.doubtful, cell) for each in near):
            return None
        found = {each.end for each in near if _in(each.packets, cell)}
        return {"" if end == NAME else end for end in found}

    def answers(self, entry: str, packet: Packet) -> bool:
        """Tell whether the answer to a packet that got through comes back."""
        reached = self._of(packet.family, first_tracking(packet))
        for number, each in enumerate(reached.arrivals):
            if each.start == entry and _in(each.packets, self._cell(packet)):
                key = (packet.family, number)
                if key not in self._answered:
                    self._answered[key] = Returning(self.town, reached.machines, [each]).of(each).sure
                if _in(self._answered[key], self._cell(packet)):
                    return True
        return False

    def _cell(self, packet: Packet) -> tuple[int, int, int]:
        space = self.spaces[packet.family]
        source, destination = space.sources.class_of(packet.source), space.destinations.class_of(packet.destination)
        major, minor = space.sides_of(source, destination)
        block, row = divmod(minor, space.block)
        return major, block, row * space.width + space.services.class_of(packet.service)

    def _of(self, family: Family, tracking: Tracking) -> Reach:
        if (family, tracking) not in self._reached:
            self._reached[family, tracking] = reach(self.town, box(self.spaces[family]), tracking)
        return self._reached[family, tracking]


def _spans(networks: tuple[object, ...], family: int) -> tuple[tuple[int, int], ...]:
    found = [each for each in networks if each.version == family]  # type: ignore[attr-defined]
    return normal((int(each.network_address), int(each.broadcast_address)) for each in found)  # type: ignore[attr-defined]


def _in(packets: PacketSet, cell: tuple[int, int, int]) -> bool:
    major, block, bit = cell
    return bool(packets.planes.get(major, {}).get(block, 0) >> bit & 1)
