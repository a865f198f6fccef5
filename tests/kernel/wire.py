"""Sends forged packets into the firewall's namespace and tells what came of each. No sleeps, no timeouts to tune.

One thread on one processor sends, so the kernel's queues keep its order: once a mark that was sent after the packets
has come back from the firewall, everything that they caused has been seen.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from beffroi.network.conntrack import Packet
from beffroi.network.services import ICMP, ICMPV6

from . import frames
from .namespaces import ETHERNET, Namespaces

SILENCE = """table inet judge {
    chain silence {
        type filter hook output priority -450; policy accept;
        meta mark != 0x6a drop
    }
}
"""
"""Loaded beside the ruleset under test: what the firewall itself would answer neither comes out nor is tracked."""

_MARK, _FENCE = 0x6A, 0x88B5
_IGNORE_OUTGOING, _BUFFER_FORCE, _BUFFER = 23, 33, 64 << 20
_AT_ONCE = 200  # well below net.core.netdev_max_backlog
PROTOCOLS: dict[int, tuple[int, ...]] = {
    4: (ICMP, 6, 17, 33, 47, 50, 89, 103, 132),
    6: (6, 17, 33, 47, ICMPV6, 89, 103, 132),
}
"""What is sent: each has a raw socket that hears what the input hook lets through."""


@dataclass(frozen=True)
class Seen:
    """A packet that came through: as it came out, and by which interface (empty: into the firewall itself)."""

    packet: Packet
    exit: str


class Wire:
    """The sockets at both ends of every cable, and in the firewall."""

    def __init__(self, namespaces: Namespaces) -> None:
        self._namespaces = namespaces
        self._held = ExitStack()
        self._exits = {f"w{number}": name for number, name in enumerate(namespaces.plan.cables)}
        self._into: dict[str, socket.socket] = {}
        self._raw: list[tuple[int, int, socket.socket]] = []
        self._processors = os.sched_getaffinity(0)

    def __enter__(self) -> Self:
        os.sched_setaffinity(0, {min(self._processors)})
        with self._namespaces.world():
            for number, name in enumerate(self._namespaces.plan.cables):
                self._into[name] = self._packet_socket(0, f"w{number}")
            self._outside = self._packet_socket(3, "")
            self._outside.setsockopt(263, _IGNORE_OUTGOING, 1)
        with self._namespaces.firewall():
            self._first = next(iter(self._namespaces.plan.cables))
            self._inside = self._packet_socket(_FENCE, self._first)
            self._raw = [(f, p, self._raw_socket(f, p)) for f, protocols in PROTOCOLS.items() for p in protocols]
            self._own = {family: self._sending_socket(family) for family in (4, 6)}
        return self

    def __exit__(self, kind: type[BaseException] | None, what: BaseException | None, at: TracebackType | None) -> None:
        os.sched_setaffinity(0, self._processors)
        self._held.close()

    def through(self, shots: Iterable[tuple[str, bytes]]) -> dict[int, Seen]:
        """Send (entry, IP packet), the empty entry for what the firewall sends itself; return what came out, by number.

        Raise AssertionError when one packet comes out twice.
        """
        found: dict[int, Seen] = {}
        waiting = 0
        for entry, raw in shots:
            family = raw[0] >> 4
            if entry:
                self._into[entry].send(ETHERNET[family] + raw)
            else:
                self._send_own(family, raw)
            waiting += 1
            if waiting == _AT_ONCE:
                self._gather(found)
                waiting = 0
        self._gather(found)
        return found

    def _send_own(self, family: int, raw: bytes) -> None:
        destination = socket.inet_ntop(
            *((socket.AF_INET, raw[16:20]) if family == 4 else (socket.AF_INET6, raw[24:40]))
        )
        try:
            self._own[family].sendto(raw, (destination, 0))
        except PermissionError:
            return  # the output hook dropped it

    def _gather(self, found: dict[int, Seen]) -> None:
        self._into[self._first].send(ETHERNET[0] + bytes(46))
        self._inside.recv(2048)
        self._inside.send(ETHERNET[0] + bytes(46))
        while True:
            raw, address = self._outside.recvfrom(2048)
            word = int.from_bytes(raw[12:14], "big")
            if word == _FENCE:
                break
            if word in (0x0800, 0x86DD):
                self._note(found, raw[14:], self._exits[address[0]])
        for family, protocol, heard in self._raw:
            self._hear(found, family, protocol, heard)

    @staticmethod
    def _note(found: dict[int, Seen], raw: bytes, leaves: str) -> None:
        number = frames.number_of(raw)
        if number is not None:
            assert number not in found, f"packet {number} came out twice"
            found[number] = Seen(frames.read(raw), leaves)

    def _hear(self, found: dict[int, Seen], family: int, protocol: int, heard: socket.socket) -> None:
        while True:
            try:
                body, ancillary, _, peer = heard.recvmsg(2048, 256)
            except BlockingIOError:
                return
            if family == 6:
                source = int.from_bytes(socket.inet_pton(socket.AF_INET6, peer[0].partition("%")[0]), "big")
                destination = int.from_bytes(ancillary[0][2][:16], "big")
                addresses = source.to_bytes(16, "big") + destination.to_bytes(16, "big")
                body = struct.pack("!IHBB", 6 << 28, len(body), protocol, 64) + addresses + body
            self._note(found, body, "")

    def _packet_socket(self, protocol: int, device: str) -> socket.socket:
        made = self._held.enter_context(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(protocol)))
        made.setsockopt(socket.SOL_SOCKET, _BUFFER_FORCE, _BUFFER)
        made.settimeout(10)
        if device:
            made.bind((device, protocol))
        return made

    def _raw_socket(self, family: int, protocol: int) -> socket.socket:
        kind = socket.AF_INET if family == 4 else socket.AF_INET6
        made = self._held.enter_context(socket.socket(kind, socket.SOCK_RAW, protocol))
        made.setsockopt(socket.SOL_SOCKET, _BUFFER_FORCE, _BUFFER)
        if family == 6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
        made.settimeout(0)
        return made

    def _sending_socket(self, family: int) -> socket.socket:
        kind = socket.AF_INET if family == 4 else socket.AF_INET6
        made = self._held.enter_context(socket.socket(kind, socket.SOCK_RAW, socket.IPPROTO_RAW))
        made.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, _MARK)
        return made
