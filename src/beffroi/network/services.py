"""The service axis: protocol, ports or ICMP type and code, and TCP flags, as one joint set. Pure.

A point is (protocol, first, second, flags). For the protocols that have ports, `first` is the source port and `second`
the destination port; for ICMP and ICMPv6 they are type and code. Other protocols have neither: whatever a set says of
`first` and `second` there is ignored. `flags` is the TCP flag byte (RFC 9293 section 3.1).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import NamedTuple

from .intervals import Intervals, holds, intersection, normal

ICMP, TCP, UDP, DCCP, ICMPV6, SCTP, UDPLITE = 1, 6, 17, 33, 58, 132, 136
PORTED = (TCP, UDP, DCCP, SCTP, UDPLITE)
"""The protocols whose header begins with a source and a destination port."""

LAST_PROTOCOL, LAST_PORT = 255, 65535
PROTOCOLS: Intervals = ((0, LAST_PROTOCOL),)
NUMBERS: Intervals = ((0, LAST_PORT),)
ALL_FLAGS = (1 << 256) - 1
"""Every value of the TCP flag byte: bit v stands for the value v."""

FIN, SYN, RST, PSH, ACK, URG, ECE, CWR = (1 << bit for bit in range(8))
ECHO_REQUESTS = {ICMP: 8, ICMPV6: 128}
_ANSWERS = {ICMP: {8: 0, 13: 14, 15: 16, 17: 18}, ICMPV6: {128: 129, 139: 140}}


class Point(NamedTuple):
    """One service: see the module's own words for `first` and `second`."""

    protocol: int
    first: int
    second: int
    flags: int


@dataclass(frozen=True)
class Box:
    """A product of sets: protocols, first numbers, second numbers, and TCP flag bytes (bit v for the value v)."""

    protocols: Intervals = PROTOCOLS
    first: Intervals = NUMBERS
    second: Intervals = NUMBERS
    flags: int = ALL_FLAGS

    def __bool__(self) -> bool:
        return bool(self.protocols and self.first and self.second and self.flags)

    def __and__(self, other: Box) -> Box:
        return Box(
            intersection(self.protocols, other.protocols),
            intersection(self.first, other.first),
            intersection(self.second, other.second),
            self.flags & other.flags,
        )

    def holds(self, point: Point) -> bool:
        """Tell whether the service is in the box."""
        numbered = point.protocol in PORTED or point.protocol in _ANSWERS
        return (
            holds(self.protocols, point.protocol)
            and (not numbered or (holds(self.first, point.first) and holds(self.second, point.second)))
            and (point.protocol != TCP or bool(self.flags >> point.flags & 1))
        )


@dataclass(frozen=True)
class Services:
    """A set of services: a union of boxes, which may overlap."""

    boxes: tuple[Box, ...] = (Box(),)

    def __bool__(self) -> bool:
        return bool(self.boxes)

    def __and__(self, other: Services) -> Services:
        if other in (ANY_SERVICE, self):
            return self
        if self == ANY_SERVICE:
            return other
        met = (one & two for one, two in product(self.boxes, other.boxes))
        return Services(tuple(dict.fromkeys(box for box in met if box)))

    def holds(self, point: Point) -> bool:
        """Tell whether the service is in the set."""
        return any(box.holds(point) for box in self.boxes)

    def mirrored(self) -> Services:
        """Return the services whose answer is in this set: ports trade places, an echo request stands for its reply.

        The answer to a TCP connection is taken as SYN and ACK, the first that comes. ICMP messages that no message
        answers have no mirror.
        """
        return _mirrored(self)


@lru_cache(maxsize=4096)
def _mirrored(services: Services) -> Services:
    return Services(tuple(box for whole in services.boxes for box in _mirrors(whole) if box))


ANY_SERVICE = Services()
NO_SERVICE = Services(())


def only(numbers: Iterable[int]) -> Intervals:
    """Return the set of just these numbers."""
    return normal((number, number) for number in numbers)


def ported(protocols: Iterable[int], *, first: Intervals = NUMBERS, second: Intervals = NUMBERS) -> Services:
    """Return the services of these protocols with source ports `first` and destination ports `second`."""
    return Services((Box(only(protocols), first, second),))


def _mirrors(box: Box) -> Iterable[Box]:
    flagged = [protocol for protocol in (TCP, *_ANSWERS) if holds(box.protocols, protocol)]
    ports = [protocol for protocol in PORTED if protocol != TCP and holds(box.protocols, protocol)]
    special = only((*PORTED, *_ANSWERS))
    plain = tuple(part for part in _without(box.protocols, special))
    yield Box(plain)
    yield Box(only(ports), box.second, box.first)
    if TCP in flagged and box.flags >> (SYN | ACK) & 1:
        yield Box(only([TCP]), box.second, box.first)
    for protocol, answers in _ANSWERS.items():
        asked = [request for request, answer in answers.items() if holds(box.first, answer)]
        if protocol in flagged:
            yield Box(only([protocol]), only(asked), box.second)


def _without(protocols: Intervals, special: Intervals) -> Intervals:
    return normal(
        (number, number) for low, high in protocols for number in range(low, high + 1) if not holds(special, number)
    )
