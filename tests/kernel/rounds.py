"""Rounds of packets through one ruleset: those of no connection, then answers, further packets and errors about them.

Each packet is judged by the step-by-step trace; what the kernel let through decides what can follow it.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from beffroi.network.conntrack import Connection, Packet, first_state, first_tracking
from beffroi.network.firewall import Direction, Firewall, State, Tracking
from beffroi.network.services import ACK, ICMP, ICMPV6, PORTED, SCTP, SYN, TCP, UDP, Point
from beffroi.network.trace import Decision, Machine, Trace, received, sent

from . import frames
from .wire import Seen, Wire

_ANSWERS = {ICMP: {8: 0, 13: 14, 15: 16, 17: 18}, ICMPV6: {128: 129, 139: 140}}
_BY_PORTS = (TCP, UDP, SCTP)
"""Whose ports conntrack looks at. Kernels of 2025 and later track DCCP by its addresses alone."""

_UNREACHABLE = {4: Point(ICMP, 3, 1, 0), 6: Point(ICMPV6, 1, 0, 0)}


@dataclass(frozen=True)
class Shot:
    """A packet to send: where it enters, what it is, and the connection that it belongs to, if any."""

    number: int
    sort: str
    entry: str
    packet: Packet
    raw: bytes
    tracking: Tracking
    connection: Connection | None = None
    ident: int = 0


@dataclass(frozen=True)
class Judged:
    """A shot, what the model said of it and what the kernel did."""

    shot: Shot
    trace: Trace
    seen: Seen | None

    @property
    def agreed(self) -> bool:
        """Tell whether the kernel did what the model said; an open answer agrees with anything."""
        if self.trace.decision is Decision.UNKNOWN:
            return True
        if self.seen is None:
            return self.trace.decision is Decision.DROP
        out = self.seen
        accepted = self.trace.decision is Decision.ACCEPT
        return accepted and any(end.exit == out.exit and end.allows(out.packet) for end in self.trace.ends)

    def show(self) -> str:
        """Return all that one needs to understand a disagreement."""
        came = f"out by {self.seen.exit or 'itself'}: {self.seen.packet.show()}" if self.seen else "nothing"
        return (
            f"{self.shot.sort} from {self.shot.entry}: {self.shot.packet.show()}\nkernel: {came}\n{self.trace.show()}\n"
        )


class Rounds:
    """The rounds of one ruleset. Numbers and identifiers are never used twice."""

    def __init__(self, wire: Wire, firewall: Firewall, machine: Machine, seed: int) -> None:
        self.wire, self.firewall, self.machine = wire, firewall, machine
        self.random = random.Random(seed)
        self._numbers = iter(range(1, 1 << 31))
        self._taken: set[tuple[int, ...]] = set()

    def all(self, packets: Iterable[tuple[str, Packet]]) -> list[Judged]:
        """Send packets of no connection, and all that may follow from those that came through.

        Each is (entry, packet); the empty entry is for what the firewall sends itself.
        """
        opened = self._round([shot for each in packets for shot in self._opening(*each)])
        open_ = [one for one in opened if one.agreed and self._opens(one)]
        answered = self._round([shot for one in open_ for shot in self._answer(one)])
        known = {one.shot.connection for one in answered if one.seen and _tracked(one)}
        further = self._round([shot for one in open_ if _connection(one) in known for shot in self._further(one)])
        errors = self._round([shot for one in open_ for shot in self._errors(one)])
        return [*opened, *answered, *further, *errors]

    def _round(self, shots: list[Shot]) -> list[Judged]:
        seen = self.wire.through((shot.entry, shot.raw) for shot in shots)
        return [Judged(shot, self._model(shot), seen.get(shot.number)) for shot in shots]

    def _model(self, shot: Shot) -> Trace:
        known: dict[str, Any] = {"machine": self.machine, "tracking": shot.tracking, "connection": shot.connection}
        if not shot.entry:
            return sent(self.firewall, shot.packet, **known)
        return received(self.firewall, shot.packet, entry=shot.entry, **known)

    def _opening(self, entry: str, packet: Packet) -> Iterable[Shot]:
        """Yield the shot, unless a connection that it might belong to was already opened."""
        if packet.service.protocol not in (*PORTED, *_ANSWERS):
            packet = replace(packet, service=Point(packet.service.protocol, 0, 0, 0))
        number = next(self._numbers)
        shot = Shot(number, "", entry, packet, b"", first_tracking(packet), ident=number & 0xFFFF)
        ways = {_tuple(packet, shot.ident)}
        for end in self._model(shot).ends:
            ways |= {_tuple(end.packet, shot.ident), _tuple(_mirror(end.packet), shot.ident)}
        ways.add(_tuple(_mirror(packet), shot.ident))
        if ways & self._taken:
            return
        self._taken |= ways
        sort = str(first_state(packet))
        if packet.service.protocol == TCP and packet.service.flags & ACK and sort == "new":
            sort = "mid-stream"
        yield replace(shot, sort=sort, raw=frames.forged(packet, number, ident=shot.ident))

    @staticmethod
    def _opens(one: Judged) -> bool:
        end = one.trace.end
        return bool(one.seen and one.seen.exit and end and end.tracking.state is State.NEW)

    def _answer(self, one: Judged) -> Iterable[Shot]:
        assert one.seen is not None
        service = _answering(one.seen.packet.service)
        if service is not None:
            answer = replace(_mirror(one.seen.packet), service=service)
            yield self._of(one, "answer", one.seen.exit, answer, State.ESTABLISHED, Direction.REPLY)

    def _further(self, one: Judged) -> Iterable[Shot]:
        packet = one.shot.packet
        if packet.service.protocol == TCP:
            packet = replace(packet, service=packet.service._replace(flags=ACK))
        if packet.service.protocol != SCTP:  # a second INIT would be another association
            yield self._of(one, "further", one.shot.entry, packet, State.ESTABLISHED, Direction.ORIGINAL)

    def _errors(self, one: Judged) -> Iterable[Shot]:
        """Yield an error about the packet as it left, and one about an answer as the client would have had it.

        The second is sent for packets of no translation alone: whether an answer was had does not matter to conntrack.
        """
        assert one.seen is not None
        left, unreachable = one.seen.packet, _UNREACHABLE[one.shot.packet.family]
        quoted = frames.forged(left, 0, ident=one.shot.ident)
        error = Packet(left.family, left.destination, left.source, unreachable)
        yield self._of(one, "error", one.seen.exit, error, State.RELATED, Direction.REPLY, quoted)
        service = _answering(one.shot.packet.service)
        if service is not None and one.shot.entry:
            client = replace(_mirror(one.shot.packet), service=service)
            quoted = frames.forged(client, 0, ident=one.shot.ident, side="reply")
            error = Packet(left.family, client.destination, client.source, unreachable)
            yield self._of(one, "error back", one.shot.entry, error, State.RELATED, Direction.ORIGINAL, quoted)
        stranger = replace(left, service=left.service._replace(first=left.service.first ^ 1))
        if left.service.protocol in _BY_PORTS and _tuple(stranger, 0) not in self._taken:
            nothing = Packet(left.family, left.destination, left.source, unreachable)
            number = next(self._numbers)
            raw = frames.forged(nothing, number, quoted=frames.forged(stranger, 0))
            yield Shot(number, "error about nothing", one.seen.exit, nothing, raw, Tracking(State.INVALID))

    def _of(  # noqa: PLR0913, PLR0917 - what a packet of a connection is made of
        self,
        one: Judged,
        sort: str,
        entry: str,
        packet: Packet,
        state: State,
        direction: Direction,
        quoted: bytes = b"",
    ) -> Shot:
        connection = _connection(one)
        side = "original" if direction is Direction.ORIGINAL else "reply"
        number = next(self._numbers)
        raw = frames.forged(packet, number, ident=one.shot.ident, side=side, quoted=quoted)
        tracking = connection.tracking(state, direction)
        return Shot(number, sort, entry, packet, raw, tracking, connection, one.shot.ident)


def counted(judged: Iterable[Judged]) -> Counter[str]:
    """Return how many packets of each sort were let through, stopped, left open and translated."""
    tally: Counter[str] = Counter()
    for one in judged:
        fate = "open" if one.trace.decision is Decision.UNKNOWN else "through" if one.seen else "stopped"
        tally[f"{one.shot.sort} IPv{one.shot.packet.family} {fate}"] += 1
        if one.seen and one.seen.packet != one.shot.packet:
            tally["translated"] += 1
            for side in ("source", "destination"):
                tally[f"translated {side}"] += one.seen.packet.end(side) != one.shot.packet.end(side)
        if not one.shot.entry:
            tally["out of the firewall"] += 1
        if one.seen and not one.seen.exit:
            tally["into the firewall"] += 1
        if any(end.tracking.state is State.UNTRACKED for end in one.trace.ends):
            tally["untracked"] += 1
        tally.update({f"verb {step.verb}" for step in one.trace.steps})
    return tally


def _tracked(one: Judged) -> bool:
    """Tell whether conntrack saw it: an answer kept from it by notrack leaves the connection without an answer."""
    return all(end.tracking.state is State.ESTABLISHED for end in one.trace.ends)


def _connection(one: Judged) -> Connection:
    assert one.seen is not None
    return Connection(one.shot.packet, one.seen.packet)


def _answering(service: Point) -> Point | None:
    protocol, first, second, flags = service
    if protocol in PORTED:
        return Point(protocol, second, first, ACK | (flags & SYN) if protocol == TCP else 0)
    if protocol in _ANSWERS:
        return service._replace(first=_ANSWERS[protocol][first]) if first in _ANSWERS[protocol] else None
    return service


def _mirror(packet: Packet) -> Packet:
    service = packet.service
    if service.protocol in PORTED:
        service = service._replace(first=service.second, second=service.first)
    return replace(packet, source=packet.destination, destination=packet.source, service=service)


def _tuple(packet: Packet, ident: int) -> tuple[int, ...]:
    """Return what conntrack knows a packet's connection by; to be on the safe side, no ICMP type."""
    protocol, first, second, _ = packet.service
    numbers = (first, second) if protocol in _BY_PORTS else (ident, 0) if protocol in _ANSWERS else (0, 0)
    return (packet.family, packet.source, packet.destination, protocol, *numbers)
