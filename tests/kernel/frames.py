"""IP packets as bytes, forged whole: checksums right, headers complete, a number at the end to know each again."""

from __future__ import annotations

import struct
from functools import cache
from ipaddress import IPv6Address

from beffroi.network.conntrack import Packet
from beffroi.network.services import ACK, ICMP, ICMPV6, PORTED, SCTP, TCP, UDP, UDPLITE, Point

DCCP, GRE = 33, 47
_MAGIC = b"\xbe\xff\x40\x1e"
_V4, _V6 = 20, 40
SEQUENCE = {"original": 1_000_000, "reply": 5_000_000}
"""Where each side of every TCP connection begins to count."""


def forged(packet: Packet, number: int, *, ident: int = 0, side: str = "original", quoted: bytes = b"") -> bytes:
    """Return the IP packet. `ident` is an ICMP query's identifier; `quoted` is what an ICMP error is about."""
    tail = _MAGIC + struct.pack("!I", number)
    body = _transport(packet, ident, side, quoted, tail)
    protocol = packet.service.protocol
    if packet.family == 4:
        head = struct.pack(
            "!BBHHHBBHII",
            *(0x45, 0, _V4 + len(body), number & 0xFFFF, 0, 64, protocol, 0),
            *(packet.source, packet.destination),
        )
        return head[:10] + struct.pack("!H", _sum(head)) + head[12:] + body
    addresses = packet.source.to_bytes(16, "big") + packet.destination.to_bytes(16, "big")
    return struct.pack("!IHBB", 6 << 28 | number & 0xFFFF, len(body), protocol, 64) + addresses + body


def number_of(raw: bytes) -> int | None:
    """Return the number of a packet that was forged here."""
    at = raw.rfind(_MAGIC, max(0, len(raw) - 8))
    return int.from_bytes(raw[at + 4 : at + 8], "big") if at >= 0 else None


def read(raw: bytes) -> Packet:
    """Return what an IP packet is, read from its bytes."""
    if raw[0] >> 4 == 4:
        source, destination = struct.unpack_from("!II", raw, 12)
        return Packet(4, source, destination, service(raw[9], raw[(raw[0] & 15) * 4 :]))
    addresses = int(IPv6Address(raw[8:24])), int(IPv6Address(raw[24:40]))
    return Packet(6, *addresses, service(raw[6], raw[_V6:]))


def service(protocol: int, body: bytes) -> Point:
    """Return the service that a transport header says."""
    if protocol in PORTED:
        first, second = struct.unpack_from("!HH", body)
        return Point(protocol, first, second, body[13] if protocol == TCP else 0)
    if protocol in (ICMP, ICMPV6):
        return Point(protocol, body[0], body[1], 0)
    return Point(protocol, 0, 0, 0)


def _transport(packet: Packet, ident: int, side: str, quoted: bytes, tail: bytes) -> bytes:
    protocol, first, second, flags = packet.service
    if protocol == TCP:
        other = SEQUENCE["reply" if side == "original" else "original"] + 1
        counts = (SEQUENCE[side] + (side == "reply" or not flags & ACK), other if flags & ACK else 0)
        body = struct.pack("!HHIIBBHHH", first, second, *counts, 0x50, flags, 4096, 0, 0) + tail
        return _checked(packet, body, 16)
    if protocol in (UDP, UDPLITE):
        body = struct.pack("!HHHH", first, second, 8 + len(tail) if protocol == UDP else 0, 0) + tail
        return _checked(packet, body, 6)
    if protocol == DCCP:
        return _checked(packet, struct.pack("!HHBBHBBHII", first, second, 5, 0, 0, 1, 0, 0, 1, 42) + tail, 6)
    if protocol == SCTP:
        return _sctp(first, second, side, tail)
    if protocol in (ICMP, ICMPV6):
        rest = struct.pack("!I", 0) + quoted if quoted else struct.pack("!HH", ident, 1)
        return _checked(packet, struct.pack("!BBH", first, second, 0) + rest + tail, 2)
    return struct.pack("!HH", 0, 0x0800) + (b"" if protocol == GRE else bytes(12)) + tail


def _sctp(first: int, second: int, side: str, tail: bytes) -> bytes:
    """Return an INIT chunk (RFC 9260 section 3.3.2), or the INIT ACK that answers it."""
    kind, tag = (1, 0) if side == "original" else (2, 7)
    chunk = struct.pack("!BBHIIHHI", kind, 0, 20 + len(tail), 7, 65536, 1, 1, 1) + tail
    head = struct.pack("!HHI", first, second, tag)
    return head + struct.pack("<I", _crc32c(head + bytes(4) + chunk)) + chunk


def _checked(packet: Packet, body: bytes, at: int) -> bytes:
    """Write the internet checksum into `body`, with the pseudo header where the protocol has one."""
    protocol = packet.service.protocol
    if protocol == ICMP:
        pseudo = b""
    elif packet.family == 4:
        pseudo = struct.pack("!IIHH", packet.source, packet.destination, protocol, len(body))
    else:
        addresses = packet.source.to_bytes(16, "big") + packet.destination.to_bytes(16, "big")
        pseudo = addresses + struct.pack("!II", len(body), protocol)
    found = _sum(pseudo + body) or 0xFFFF
    return body[:at] + struct.pack("!H", found) + body[at + 2 :]


def _sum(octets: bytes) -> int:
    octets += b"\0" * (len(octets) % 2)
    total = int.from_bytes(octets, "big") % 0xFFFF  # the ones' complement sum of the words
    return ~total & 0xFFFF


@cache
def _crc_table() -> tuple[int, ...]:
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)  # noqa: PLW2901 - the division, bit by bit
        table.append(value)
    return tuple(table)


def _crc32c(octets: bytes) -> int:
    crc = 0xFFFFFFFF
    for octet in octets:
        crc = crc >> 8 ^ _crc_table()[(crc ^ octet) & 0xFF]
    return crc ^ 0xFFFFFFFF
