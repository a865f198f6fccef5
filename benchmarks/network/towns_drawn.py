"""The policies that the benchmark measures: one dual-stack firewall each, drawn from a fixed seed."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from random import Random

from beffroi.network.firewall import (
    Case,
    Chain,
    Family,
    Firewall,
    Hook,
    Match,
    Place,
    Rule,
    State,
    Table,
    Verb,
    Verdict,
)
from beffroi.network.intervals import Intervals, Range, normal
from beffroi.network.services import ANY_SERVICE, Box, Services, ported

_ULA = int(ip_address("fd00::"))
_TCP_PORTS = (22, 25, 53, 80, 88, 110, 123, 135, 143, 161, 389, 443, 445, 465, 514, 587, 636, 853, 993, 995, 1433, 1521)
_MORE_PORTS = (1883, 3128, 3306, 3389, 5060, 5061, 5432, 5671, 5672, 5900, 6379, 8080, 8443, 8883, 9090, 9100, 9200)
_UDP_PORTS = (53, 67, 68, 69, 88, 123, 137, 138, 161, 162, 389, 500, 514, 1194, 1812, 1813, 4500, 5060, 51820)
_TCP_RANGES = ((1024, 65535), (49152, 65535), (8000, 8100), (20, 21), (10000, 20000), (137, 139), (6000, 6063))
_UDP_RANGES = ((1024, 65535), (10000, 20000), (33434, 33534), (16384, 32767))
SERVICES = (
    *(ported([6], second=((port, port),)) for port in (*_TCP_PORTS, *_MORE_PORTS)),
    *(ported([17], second=((port, port),)) for port in _UDP_PORTS),
    *(ported([6], second=(each,)) for each in _TCP_RANGES),
    *(ported([17], second=(each,)) for each in _UDP_RANGES),
    *(Services((Box(((protocol, protocol),)),)) for protocol in (1, 6, 17)),
)
_HEAD = (
    (frozenset({State.ESTABLISHED, State.RELATED}), Verb.ACCEPT),
    (frozenset({State.INVALID}), Verb.DROP),
)
Row = tuple[Intervals | None, Intervals | None, Services, Verb]


@dataclass(frozen=True)
class Town:
    """Segments by family, each with thirty hosts that rules may name, and groups of segments."""

    segments: dict[Family, list[Range]]
    hosts: dict[Family, list[list[Range]]]
    groups: dict[Family, list[Intervals]]

    def named(self, family: Family) -> dict[str, Intervals]:
        """Return the segments by name."""
        return {f"segment{number}": (each,) for number, each in enumerate(self.segments[family])}


def town(random: Random, size: int) -> Town:
    """Draw a town of that many segments: a /24 and a /64 each."""
    v4 = [(10 << 24) + (number << 8) for number in range(size)]
    v6 = [_ULA + (number << 64) for number in range(size)]
    segments: dict[Family, list[Range]] = {
        4: [(low, low + 255) for low in v4],
        6: [(low, low + 2**64 - 1) for low in v6],
    }
    names = [random.sample(range(10, 250), 30) for _ in range(size)]
    members = [random.sample(range(size), random.randint(2, 20)) for _ in range(60)]
    hosts = {
        family: [[(low + name,) * 2 for name in names[at]] for at, (low, _) in enumerate(ranges)]
        for family, ranges in segments.items()
    }
    groups = {family: [normal(ranges[at] for at in each) for each in members] for family, ranges in segments.items()}
    return Town(segments, hosts, groups)


def stress(random: Random, where: Town, family: Family) -> Row:
    """Draw a rule of the stress policy: accepts and drops mixed, groups, hosts cut off, hosts open to all."""
    chance, service = random.random(), random.choice(SERVICES)
    one, other = random.choice(where.segments[family]), random.choice(where.segments[family])
    host, guest = (random.choice(random.choice(where.hosts[family])) for _ in range(2))
    group, others = (random.choice(where.groups[family]) for _ in range(2))
    table: tuple[tuple[float, Row], ...] = (
        (0.40, ((one,), (other,), service, Verb.ACCEPT)),
        (0.70, ((one,), (host,), service, Verb.ACCEPT)),
        (0.80, (group, (host,), service, Verb.ACCEPT)),
        (0.83, (group, others, service, Verb.ACCEPT)),
        (0.90, ((guest,), (host,), service, Verb.ACCEPT)),
        (0.97, ((one,), (other,), service, Verb.DROP)),
        (0.99, ((guest,), None, ANY_SERVICE, Verb.DROP)),
        (1.00, (None, (host,), service, Verb.ACCEPT)),
    )
    return next(row for limit, row in table if chance < limit)


def realistic(random: Random, where: Town, family: Family) -> Row:
    """Draw a rule of an allow-list: one segment to another, or to one of its hosts, for one service."""
    one = random.choice(where.segments[family])
    at = random.randrange(len(where.segments[family]))
    target = random.choice((where.segments[family][at], random.choice(where.hosts[family][at])))
    return (one,), (target,), random.choice(SERVICES), Verb.ACCEPT


def firewall(rows: list[tuple[Family, Row]]) -> Firewall:
    """Return one inet table: what is known goes through, what is invalid does not, then the rows; else drop."""
    both: frozenset[Family] = frozenset({4, 6})
    cases = [Case(Match(both, states=states), Verdict(verb)) for states, verb in _HEAD]
    cases += [
        Case(Match(frozenset({family}), source, destination, services), Verdict(verb))
        for family, (source, destination, services, verb) in rows
    ]
    rules = tuple(Rule((case,), Place("inet town", "forward", at)) for at, case in enumerate(cases, 1))
    chain = Chain("forward", rules, Hook("filter", "forward", 0, "drop"))
    return Firewall((Table("inet", "town", {"forward": chain}),))
