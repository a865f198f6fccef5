"""One concrete packet through the whole town, machine by machine: where it gets, and which rules say so. Pure.

It answers `beffroi flows can`, and names the rules behind what was proved. It steps through rules one by one, by other
code than the proof's, and a test holds the two to the same answers.
"""

from __future__ import annotations

from dataclasses import dataclass

from .conntrack import Packet
from .firewall import Family, Verb
from .intervals import holds
from .town import Device, Exit, Town
from .trace import Decision, Machine, Step, Trace, received, sent


@dataclass(frozen=True)
class Leg:
    """What one machine made of the packet: `entry` is empty when it sent it itself."""

    device: str
    entry: str
    trace: Trace

    @property
    def deciding(self) -> Step | None:
        """Return the last step that accepted, dropped or translated the packet: the rule responsible."""
        decided = [step for step in self.trace.steps if step.verb in _DECIDING]
        return decided[-1] if decided else None


_DECIDING = frozenset({Verb.ACCEPT, Verb.DROP, Verb.UNKNOWN})


@dataclass(frozen=True)
class Journey:
    """The machines that the packet met, and where it got: a machine or a segment; empty when it did not arrive."""

    packet: Packet
    start: str
    legs: tuple[Leg, ...]
    end: str

    @property
    def decision(self) -> Decision:
        """Return what became of the packet in the end."""
        if self.end:
            return Decision.ACCEPT
        return self.legs[-1].trace.decision if self.legs else Decision.DROP


def journey(town: Town, packet: Packet, start: str, *, first: str | None = None) -> Journey:
    """Take a packet from a segment or a machine as far as it gets, rates not exceeded.

    From a segment it goes to the machine that holds its destination there, else to the segment's gateway, or to
    `first`, for a sender may choose. Raise KeyError when there is no such place.
    """
    legs: list[Leg] = []
    here = packet
    if start in town.devices:
        leg = _sent(town.devices[start], here)
    else:
        town.segments[start]
        name = first or _next_on(town, start, here) or town.gateway(start) or ""
        if name not in town.devices:
            return Journey(packet, start, (), start if _on(town, start, here) else "")
        leg = _received(town.devices[name], start, here)
    while True:
        legs.append(leg)
        end = leg.trace.end
        if leg.trace.decision is not Decision.ACCEPT or end is None:
            return Journey(packet, start, tuple(legs), "")
        here = end.packet
        device = town.devices[leg.device]
        if not end.exit:
            return Journey(packet, start, tuple(legs), device.name)
        onward = _onward(town, device, end.exit, here)
        if onward is None:
            return Journey(packet, start, tuple(legs), end.exit)
        if any(leg.device == onward for leg in legs):
            return Journey(packet, start, tuple(legs), "")
        leg = _received(town.devices[onward], end.exit, here)


def _sent(device: Device, packet: Packet) -> Leg:
    return Leg(device.name, "", sent(device.firewall, packet, machine=_machine(device), within_limits=True))


def _received(device: Device, entry: str, packet: Packet) -> Leg:
    trace = received(device.firewall, packet, entry=entry, machine=_machine(device), within_limits=True)
    return Leg(device.name, entry, trace)


def _machine(device: Device) -> Machine:
    def route(family: Family, address: int) -> str | None:
        if holds(device.local(family), address):
            return ""
        exit_ = _exit(device, family, address)
        return exit_.interface if exit_ else None

    def own(family: Family, interface: str) -> int | None:
        return device.addresses.get(interface, {}).get(family)

    return Machine(route, own)


def _exit(device: Device, family: Family, address: int) -> Exit | None:
    return next((each for each in device.exits[family] if holds(each.destinations, address)), None)


def _onward(town: Town, device: Device, interface: str, packet: Packet) -> str | None:
    """Return the machine that gets the packet next; None when it is nobody of ours."""
    exit_ = _exit(device, packet.family, packet.destination)
    if exit_ is not None and exit_.via:
        return exit_.via
    return _next_on(town, interface, packet) if exit_ is not None and exit_.via is None else None


def _next_on(town: Town, segment: str, packet: Packet) -> str | None:
    holders = (each.name for each in town.on(segment) if holds(each.own(packet.family), packet.destination))
    return next(holders, None)


def _on(town: Town, segment: str, packet: Packet) -> bool:
    return holds(town.segments[segment][packet.family], packet.destination)
