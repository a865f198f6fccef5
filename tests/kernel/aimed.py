"""Packets aimed at a firewall's own rules: inside, on and just beyond the bounds of what each case matches. Seeded."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from ipaddress import IPv4Network, IPv6Network

from beffroi.network.conntrack import Packet
from beffroi.network.firewall import LAST_ADDRESS, Case, Family, Firewall, Match
from beffroi.network.intervals import Intervals, holds
from beffroi.network.services import ICMP, ICMPV6, LAST_PORT, PORTED, TCP, Point

from .namespaces import Plan
from .wire import PROTOCOLS

_NEVER = {
    4: ("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "192.0.2.254/32", "224.0.0.0/3"),
    6: ("::/3", "fe80::/10", "ff00::/8"),
}
"""Not in the universe: what no kernel forwards, and the next hop of our own cables."""

_EXTENSIONS = {0, 41, 43, 44, 50, 51, 59, 60, 135}
_ICMP_TYPES = {ICMP: (0, 3, 8, 8, 8, 11, 13, 17), ICMPV6: (1, 128, 128, 128, 129, 133, 135, 136)}
_FLAGS = (0x02, 0x02, 0x02, 0x02, 0x10, 0x12, 0x04, 0x11, 0x29, 0x00, 0xC2)


class Aim:
    """Draws packets for one firewall."""

    def __init__(self, firewall: Firewall, plan: Plan, seed: int) -> None:
        self.random = random.Random(seed)
        self.plan = plan
        self.cases = [
            case
            for table in firewall.tables
            for chain in table.chains.values()
            for rule in chain.rules
            for case in rule.cases
        ]
        self.own = {family: plan.own(family) for family in (4, 6)}
        self.never = {family: never(family) for family in (4, 6)}

    def packets(self, count: int) -> Iterator[tuple[str, Packet]]:
        """Yield (entry, packet), each aimed at a case that is drawn at random."""
        while count:
            aimed = self.at(self.random.choice(self.cases)) if self.cases else None
            if aimed is not None:
                yield aimed
            count -= 1

    def at_each(self, times: int) -> Iterator[tuple[str, Packet]]:
        """Yield packets aimed at every case in turn."""
        for case in self.cases:
            for _ in range(times):
                if (aimed := self.at(case, slack=0.1)) is not None:
                    yield aimed

    def own_at_each(self, times: int) -> Iterator[tuple[str, Packet]]:
        """Yield packets aimed at every case, as the firewall itself sends them."""
        route = self.plan.machine().route
        for _, packet in self.at_each(times):
            if leaves := route(packet.family, packet.destination):
                yield "", replace(packet, source=self.plan.cables[leaves].own_of(packet.family)[0])

    def at(self, case: Case, *, slack: float = 0.35) -> tuple[str, Packet] | None:
        """Return a packet near what a case matches, or None when it falls out of the universe."""
        match = case.match
        family = self.random.choice(sorted(match.families or {4, 6}))
        entry = self._interface(match, "entry")
        source = self._address(family, match.source, entry, slack)
        destination = self._address(family, match.destination, self._interface(match, "exit"), slack)
        if source in self.own[family] or self._outside(family, source) or self._outside(family, destination):
            return None
        return entry, Packet(family, source, destination, self._service(family, match, slack))

    def _outside(self, family: Family, address: int) -> bool:
        return any(low <= address <= high for low, high in self.never[family])

    def _interface(self, match: Match, side: str) -> str:
        wanted = match.entry if side == "entry" else match.exit
        fitting = [name for name in self.plan.cables if all(each.holds(name) for each in wanted)]
        return self.random.choice(fitting if fitting and self.random.random() < 0.9 else list(self.plan.cables))

    def _address(self, family: Family, wanted: Intervals | None, interface: str, slack: float) -> int:
        if wanted and self.random.random() > slack / 2:
            return min(LAST_ADDRESS[family], max(0, self._near(wanted, slack)))
        roll = self.random.random()
        if roll < 0.1:
            return self.random.choice(sorted(self.own[family]))
        behind = [_span(network) for network in self.plan.cables[interface].behind if network.version == family]
        return self.random.randint(*self.random.choice(behind)) if behind else 0

    def _near(self, wanted: Intervals, slack: float) -> int:
        low, high = self.random.choice(wanted)
        if self.random.random() < slack / 2:
            return self.random.choice((low - 1, high + 1))
        return self.random.choice((low, high, self.random.randint(low, high)))

    def _service(self, family: Family, match: Match, slack: float) -> Point:
        box = self.random.choice(match.services.boxes) if match.services.boxes else None
        protocol = self._protocol(family, box.protocols if box and self.random.random() > slack / 2 else None)
        if protocol in PORTED:
            first = self._number(box.first if box else None, slack, self.random.randint(1024, LAST_PORT))
            second = self._number(box.second if box else None, slack, self.random.randint(1, LAST_PORT))
            if protocol != TCP:
                return Point(protocol, first, second, 0)
            fitting = [flags for flags in _FLAGS if not box or box.flags >> flags & 1]
            return Point(TCP, first, second, self.random.choice(fitting or _FLAGS))
        if protocol in _ICMP_TYPES:
            fitting = [kind for kind in _ICMP_TYPES[protocol] if not box or holds(box.first, kind)]
            return Point(protocol, self.random.choice(fitting or _ICMP_TYPES[protocol]), 0, 0)
        return Point(protocol, 0, 0, 0)

    def _protocol(self, family: Family, wanted: Intervals | None) -> int:
        sent: Sequence[int] = [each for each in PROTOCOLS[family] if each not in _EXTENSIONS]
        fitting = [each for each in sent if wanted is None or holds(wanted, each)]
        if wanted is None or len(fitting) > 3:
            likely = [each for each in (TCP, TCP, 17, ICMP if family == 4 else ICMPV6) if each in fitting]
            return self.random.choice([*likely, self.random.choice(fitting)])
        return self.random.choice(fitting or sent)

    def _number(self, wanted: Intervals | None, slack: float, otherwise: int) -> int:
        if not wanted or wanted == ((0, LAST_PORT),):
            return otherwise
        return min(LAST_PORT, max(1, self._near(wanted, slack)))


def never(family: Family) -> list[tuple[int, int]]:
    """Return the addresses that are not in the universe."""
    return [_span(IPv4Network(each) if family == 4 else IPv6Network(each)) for each in _NEVER[family]]


def _span(network: IPv4Network | IPv6Network) -> tuple[int, int]:
    return int(network.network_address), int(network.broadcast_address)
