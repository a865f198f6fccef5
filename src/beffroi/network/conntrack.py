"""One concrete packet, and what the kernel's connection tracking makes of it. Pure.

Source: Linux, net/netfilter/nf_conntrack_proto_*.c and nf_nat_core.c; tests/lab/test_kernel_agreement.py holds the
kernel against each sentence.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address
from typing import Literal

from .firewall import Direction, Family, State, Tracking
from .services import ACK, CWR, ECE, FIN, ICMP, ICMPV6, PORTED, PSH, RST, SCTP, SYN, TCP, UDP, UDPLITE, URG, Point

Side = Literal["source", "destination"]

_WORDS = {ICMP: "icmp", TCP: "tcp", UDP: "udp", ICMPV6: "icmpv6", SCTP: "sctp", UDPLITE: "udplite"}
_FLAGS = {"fin": FIN, "syn": SYN, "rst": RST, "psh": PSH, "ack": ACK, "urg": URG, "ece": ECE, "cwr": CWR}
_IGNORED_FLAGS = PSH | ECE | CWR
_OPENING_FLAGS = {SYN, SYN | URG, ACK, ACK | URG}
_OPENING_TYPES = {ICMP: {8, 13, 15, 17}, ICMPV6: {128, 139}}
_UNTRACKED_TYPES = {*range(130, 137), 143}


@dataclass(frozen=True)
class Packet:
    """A packet with a complete transport header: addresses are numbers, `service` says the rest."""

    family: Family
    source: int
    destination: int
    service: Point

    def show(self) -> str:
        """Return the packet on one line, in the notation of tcpdump rather than in a language."""
        protocol, first, second, flags = self.service
        word = _WORDS.get(protocol, f"protocol {protocol}")
        if protocol in PORTED:
            tail = " [" + " ".join(name for name, bit in _FLAGS.items() if flags & bit) + "]" if protocol == TCP else ""
            return f"{word} {self._end(self.source, first)} -> {self._end(self.destination, second)}{tail}"
        tail = f" type {first} code {second}" if protocol in (ICMP, ICMPV6) else ""
        return f"{word} {self._end(self.source)} -> {self._end(self.destination)}{tail}"

    def towards(self, side: Side, address: int, port: int | None = None) -> Packet:
        """Return the packet with another address, and another port where it has ports, on one side."""
        service = self.service
        if port is not None and service.protocol in PORTED:
            service = service._replace(first=port) if side == "source" else service._replace(second=port)
        moved = replace(self, service=service)
        return replace(moved, source=address) if side == "source" else replace(moved, destination=address)

    def end(self, side: Side) -> tuple[int, int]:
        """Return the address and the port of one side, 0 for protocols without ports."""
        has_ports = self.service.protocol in PORTED
        if side == "source":
            return self.source, self.service.first if has_ports else 0
        return self.destination, self.service.second if has_ports else 0

    def _end(self, address: int, port: int | None = None) -> str:
        if self.family == 4:  # noqa: PLR2004 - the families are called by their number
            return str(IPv4Address(address)) + ("" if port is None else f":{port}")
        return str(IPv6Address(address)) if port is None else f"[{IPv6Address(address)}]:{port}"


@dataclass(frozen=True)
class Connection:
    """A connection that the machine knows, by its first packet: as it came, and as it left."""

    came: Packet
    left: Packet

    def tracking(self, state: State, direction: Direction) -> Tracking:
        """Return what conntrack tells of a packet of this connection."""
        return Tracking(
            state,
            direction,
            dnat=self.came.end("destination") != self.left.end("destination"),
            snat=self.came.end("source") != self.left.end("source"),
        )

    def rewritten(self, packet: Packet, direction: Direction, side: Side) -> Packet:
        """Return a later packet of the connection with one side translated as the first packet's was, or back.

        An ICMP error about the connection takes the addresses alone, and keeps a side that was not translated: its
        source may be a router on the way. The error that a router sends about a packet after DNAT leaves with the
        address before DNAT as its source.
        """
        same = packet.service.protocol == self.came.service.protocol and packet.service.protocol in PORTED
        if direction is Direction.ORIGINAL:
            before, after = self.came.end(side), self.left.end(side)
        else:
            mirrored: Side = "destination" if side == "source" else "source"
            before, after = self.left.end(mirrored), self.came.end(mirrored)
        return packet if before == after else packet.towards(side, after[0], after[1] if same else None)


def first_state(packet: Packet) -> State:
    """Return the state of a well-formed packet that belongs to no connection and that no rule keeps untracked.

    TCP may open in mid-stream (net.netfilter.nf_conntrack_tcp_loose is 1 by default): an ACK without a connection is
    new. Neighbour discovery and multicast listeners' messages are never tracked. An ICMP error about nothing known and
    an answer to nothing asked are invalid.
    """
    protocol, first, _, flags = packet.service
    if protocol == TCP:
        return State.NEW if flags & ~_IGNORED_FLAGS in _OPENING_FLAGS else State.INVALID
    if protocol == ICMPV6 and first in _UNTRACKED_TYPES:
        return State.UNTRACKED
    if protocol in _OPENING_TYPES:
        return State.NEW if first in _OPENING_TYPES[protocol] else State.INVALID
    return State.NEW


def first_tracking(packet: Packet) -> Tracking:
    """Return what conntrack tells of a packet that belongs to no connection."""
    state = first_state(packet)
    return Tracking(state, Direction.ORIGINAL if state is State.NEW else None)
