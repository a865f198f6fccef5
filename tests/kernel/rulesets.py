"""Random rulesets as nft's text, and packets aimed at their bounds. Seeded: the same number gives the same test."""

from __future__ import annotations

import random
from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from beffroi.network.conntrack import Packet
from beffroi.network.firewall import Family
from beffroi.network.services import ICMP, ICMPV6, TCP, UDP, Point

from .namespaces import Cable, Plan

PLAN = Plan(
    {
        "town": Cable(("10.1.0.1", "2001:db8:1::1"), (ip_network("10.1.0.0/24"), ip_network("2001:db8:1::/64"))),
        "servers": Cable(("10.2.0.1", "2001:db8:2::1"), (ip_network("10.2.0.0/24"), ip_network("2001:db8:2::/64"))),
        "internet": Cable(
            ("203.0.113.1", "2001:db8:ffff::1"), (ip_network("198.51.100.0/24"), ip_network("2001:db8:9::/64"))
        ),
    }
)
_PREFIXES = {
    4: ("10.1.0.{}", "10.2.0.{}", "198.51.100.{}"),
    6: ("2001:db8:1::{:x}", "2001:db8:2::{:x}", "2001:db8:9::{:x}"),
}
_PORTS = (22, 53, 80, 123, 443, 1023, 1024, 5432, 8080, 65535)


class Ruleset:
    """One random ruleset: its text, and the addresses and ports that its rules turn on."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.addresses: dict[int, list[int]] = {4: [], 6: []}
        self.ports: list[int] = list(_PORTS)
        self.translates = seed % 3 == 0
        self.text = "\n".join(self._tables())

    def packets(self, count: int) -> Iterator[tuple[str, Packet]]:
        """Yield (entry, packet): sources from anywhere but the firewall, bounds more often than not."""
        choice = self.random.choice
        while count:
            family: Family = choice((4, 6))
            source, destination = self._aimed(family), self._aimed(family)
            if source in PLAN.own(family):
                continue
            count -= 1
            yield choice(list(PLAN.cables)), Packet(family, source, destination, self._service(family))

    def _aimed(self, family: Family) -> int:
        if self.addresses[family] and self.random.random() < 0.75:
            aimed = self.random.choice(self.addresses[family]) + self.random.choice((-1, 0, 0, 1))
            if any(aimed in network for network in _networks(family)):
                return aimed
        return int(ip_address(self.random.choice(_PREFIXES[family]).format(self.random.randrange(2, 250))))

    def _service(self, family: Family) -> Point:
        roll, pick = self.random.random(), self.random.choice
        port = min(65535, max(1, pick(self.ports) + pick((-1, 0, 0, 0, 1))))
        client = self.random.randrange(1024, 65535)
        if roll < 0.5:
            return Point(TCP, client, port, pick((2, 2, 2, 2, 0x10, 0x12, 4, 0, 0x29, 0x11)))
        if roll < 0.8:
            return Point(UDP, client, port, 0)
        if roll < 0.95:
            number = ICMP if family == 4 else ICMPV6
            return Point(number, pick((8, 8, 0, 13) if family == 4 else (128, 128, 129)), 0, 0)
        return Point(132, client, port, 0) if roll > 0.97 else Point(47, 0, 0, 0)

    def _tables(self) -> Iterator[str]:
        yield "table inet one {"
        yield from self._sets()
        yield from self._chain("low", [self._rule(jumps=False) for _ in range(4)], "")
        yield from self._chain("high", [self._rule(jumps=("low",)) for _ in range(4)], "")
        for hook in ("input", "forward"):
            policy = self.random.choice(("accept", "drop"))
            rules = [self._rule(jumps=("low", "high")) for _ in range(self.random.randrange(4, 14))]
            rules.insert(self.random.randrange(4), self.random.choice(_STATES))
            yield from self._chain(hook, rules, f"type filter hook {hook} priority 0; policy {policy};")
        yield from self._chain("raw", [f"{self._condition()} notrack"], "type filter hook prerouting priority raw;")
        yield from self._chain(
            "late", [self._rule(jumps=False) for _ in range(2)], "type filter hook forward priority 10;"
        )
        if self.translates:
            yield from self._chain("before", self._destinations(), "type nat hook prerouting priority dstnat;")
            yield from self._chain(
                "behind",
                ['oifname "internet" meta nfproto ipv4 masquerade'],
                "type nat hook postrouting priority srcnat;",
            )
        yield "}"
        for family in ("ip", "ip6"):
            yield f"table {family} two {{"
            rules = [self._rule(jumps=False, family=4 if family == "ip" else 6) for _ in range(3)]
            yield from self._chain("after", rules, "type filter hook postrouting priority 0;")
            yield "}"

    def _chain(self, name: str, rules: list[str], hook: str) -> Iterator[str]:
        yield f"chain {name} {{ {hook}\n  " + "\n  ".join(rules) + "\n}"

    def _sets(self) -> Iterator[str]:
        for family, word in ((4, "ipv4_addr"), (6, "ipv6_addr")):
            spans = ", ".join(dict.fromkeys(self._span(family, apart=at) for at in range(3)))
            yield f"set some{family} {{ type {word}; flags interval; elements = {{ {spans} }} }}"
            singles = [
                self._span(family, apart=at) + f" . {p} . {n}"
                for at, (p, n) in enumerate((("tcp", 443), ("udp", "50-60"), ("tcp", "1000-2000")))
            ]
            self.ports += [50, 60, 1000, 2000]
            yield (
                f"set flows{family} {{ typeof ip{'6' * (family == 6)} saddr . meta l4proto . th dport; flags interval;"
                f" elements = {{ {', '.join(singles)} }} }}"
            )

    def _span(self, family: int, *, apart: int = -1) -> str:
        base = _PREFIXES[family][apart % 3 if apart >= 0 else self.random.randrange(3)]
        low = self.random.randrange(2, 200)
        sort = self.random.randrange(3)
        size = 8 if sort == 1 else self.random.randrange(2, 40) if sort == 2 else 1
        low = low - low % 8 if sort == 1 else low
        first, last = (ip_address(base.format(low + step)) for step in (0, size - 1))
        self.addresses[family] += [int(first), int(last)]
        if sort == 1:
            return f"{first}/{29 if family == 4 else 125}"
        return f"{first}" if sort == 0 else f"{first}-{last}"

    def _condition(self, family: int = 0) -> str:
        family = family or self.random.choice((4, 6))
        word = "ip" if family == 4 else "ip6"
        pick = self.random.choice
        parts = []
        if self.random.random() < 0.7:
            side = pick(("saddr", "daddr"))
            about = pick((self._span(family), f"{{ {self._span(family, apart=0)}, {self._span(family, apart=1)} }}"))
            parts.append(f"{word} {side} {pick(('', '', '!= '))}{about}")
        if self.random.random() < 0.6:
            parts.append(self._transport(family))
        if self.random.random() < 0.25:
            parts.append(f'{pick(("iifname",))} {pick(("", "!= "))}"{pick(list(PLAN.cables))}"')
        return " ".join(parts) or "meta l4proto udp"

    def _transport(self, family: int) -> str:
        pick = self.random.choice
        low = pick(_PORTS[:-2])
        self.ports += [low, low + 100]
        return pick(
            (
                f"tcp dport {low}",
                f"udp dport {low}-{low + 100}",
                f"tcp dport != {{ {low}, 8081-8090 }}",
                "th sport >= 30000 meta l4proto { tcp, udp }",
                "tcp flags & (syn|ack|rst|fin) == syn",
                "tcp flags ack",
                "icmp type echo-request" if family == 4 else "icmpv6 type echo-request",
                "meta l4proto udp",
                "ct state new,untracked",
                "ct state invalid",
            )
        )

    def _rule(self, *, jumps: tuple[str, ...] | bool, family: int = 0) -> str:
        pick = self.random.choice
        verdicts = ["accept", "drop", "accept", "drop", "counter", "return"]
        verdicts += [f"{pick(('jump', 'goto'))} {name}" for name in (jumps or ())]  # type: ignore[union-attr]
        roll = self.random.random()
        if not family and roll < 0.1:
            number = pick((4, 6))
            word = "ip" if number == 4 else "ip6"
            operator = pick(("", "!= "))
            return f"{word} saddr . meta l4proto . th dport {operator}@flows{number} {pick(('accept', 'drop'))}"
        if not family and roll < 0.2:
            low, middle, high = pick(verdicts[:4]), pick(verdicts[:4]), pick(verdicts)
            elements = f"22 : {low}, 80-443 : {middle}, 8080 : {high}"
            return f"tcp dport vmap {{ {elements} }}".replace(": counter", ": continue")
        if not family and roll < 0.3:
            number = pick((4, 6))
            return f"{'ip' if number == 4 else 'ip6'} daddr @some{number} {pick(verdicts)}"
        return f"{self._condition(family)} {pick(verdicts)}"

    def _destinations(self) -> list[str]:
        self.addresses[4] += [int(ip_address("203.0.113.1"))] * 4 + [int(ip_address("10.2.0.9"))] * 2
        return [
            "ip daddr 203.0.113.1 tcp dport 443 dnat ip to 10.2.0.9:8443",
            "ip daddr 203.0.113.1 udp dport 53 dnat ip to 10.2.0.10",
            "dnat ip to ip daddr . tcp dport map { 203.0.113.1 . 80 : 10.2.0.11 . 8080 }",
        ]


_STATES = (
    "ct state established,related accept",
    "ct state vmap { established : accept, related : accept, invalid : drop }",
    "ct state invalid drop",
    "ct status dnat accept",
    "ct direction reply accept",
)


def _networks(family: int) -> list[object]:
    return [each for cable in PLAN.cables.values() for each in map(_Span, cable.behind) if each.version == family]


class _Span:
    def __init__(self, network: object) -> None:
        self.version = network.version  # type: ignore[attr-defined]
        self.first, self.last = int(network.network_address), int(network.broadcast_address)  # type: ignore[attr-defined]

    def __contains__(self, number: int) -> bool:
        return self.first < number < self.last
