"""The rules that are said to do nothing, against walks of single packets with and without them: no false alarm."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from random import Random

import pytest
from drawn_firewalls import POINTS, Ask, addresses, drawn
from walked import Walk, covers

from beffroi.network.anomalies import Anomaly, Sort, anomalies
from beffroi.network.conntrack import Packet
from beffroi.network.evaluate import Situation
from beffroi.network.firewall import Case, Direction, Family, Firewall, Place, State, Tracking, Verb
from beffroi.network.services import ACK, PORTED, SYN, Point

pytestmark = pytest.mark.slow

FIREWALLS, PORTIONS, SAMPLED = 160, 8, 300
INTERFACES = ("lan0", "lan1", "lan7", "wan", "eth0")
TRACKINGS = (
    *(
        Tracking(state, way, dnat=dnat, snat=snat)
        for state, ways in (
            (State.NEW, [Direction.ORIGINAL]),
            (State.ESTABLISHED, list(Direction)),
            (State.RELATED, list(Direction)),
        )
        for way, dnat, snat in product(ways, (False, True), (False, True))
    ),
    Tracking(State.INVALID),
    Tracking(State.UNTRACKED),
)


FLAGS = {6: (SYN, ACK, SYN | ACK)}
Packets = dict[Family, list[Packet]]
PACKETS: Packets = {
    family: [
        Packet(family, source, target, point)
        for source, target in product(addresses(family), repeat=2)
        for point in (
            *POINTS,
            *(
                Point(protocol, client, port, flags)
                for protocol in PORTED
                for client, port in product((22, 1024), (0, 22, 23, 53, 54, 80, 81))
                for flags in FLAGS.get(protocol, (0,))
            ),
        )
    ]
    for family in (4, 6)
}
"""Packets on both sides of every bound that a drawn match has."""


def labelled(firewall: Firewall) -> Firewall:
    """Give every case a name of its own, to be known by."""
    (table,) = firewall.tables
    chains = {
        name: replace(
            chain,
            rules=tuple(
                replace(rule, cases=tuple(replace(case, label=str(at)) for at, case in enumerate(rule.cases)))
                for rule in chain.rules
            ),
        )
        for name, chain in table.chains.items()
    }
    return Firewall((replace(table, chains=chains),))


def without(firewall: Firewall, place: Place, label: str) -> Firewall:
    (table,) = firewall.tables
    chain = table.chains[place.chain]
    rules = tuple(
        replace(rule, cases=tuple(case for case in rule.cases if case.label != label)) if rule.place == place else rule
        for rule in chain.rules
    )
    return Firewall((replace(table, chains=table.chains | {chain.name: replace(chain, rules=rules)}),))


def cases(firewall: Firewall) -> Iterator[tuple[Place, Case]]:
    for chain in firewall.tables[0].chains.values():
        yield from ((rule.place, case) for rule in chain.rules for case in rule.cases)


def situations(firewall: Firewall) -> list[Situation]:
    """Return one of all situations in which the very same cases can match."""
    found: dict[tuple[bool, ...], Situation] = {}
    for entry, exit_, tracking in product(INTERFACES, INTERFACES, TRACKINGS):
        alike = tuple(
            case.match.at(family, entry, exit_) and case.match.tracked_as(tracking)
            for _, case in cases(firewall)
            for family in (4, 6)
        )
        found.setdefault(alike, Situation(entry, exit_, tracking))
    return list(found.values())


def met(case: Case, here: list[Situation], among: Packets) -> Iterator[tuple[Packet, Situation]]:
    """Yield the packets that a case covers, in each situation: no other packet can miss it."""
    for family in sorted(case.match.families):
        for situation in here:
            if case.match.at(family, situation.entry, situation.exit):
                yield from ((each, situation) for each in among[family] if covers(case.match, each, situation))


def missed(firewall: Firewall, place: Place, case: Case, here: list[Situation], among: Packets) -> bool:
    """Tell whether some packet among these fares otherwise once a case is gone."""
    other = without(firewall, place, case.label)
    return any(Walk(firewall, *each).fates != Walk(other, *each).fates for each in met(case, here, among))


def told(firewall: Firewall) -> dict[tuple[Place, str], Anomaly]:
    return {(each.place, each.label): each for each in anomalies(firewall)}


@pytest.mark.parametrize("portion", range(PORTIONS))
def test_what_is_said_to_do_nothing_can_go_and_no_packet_misses_it(portion: int) -> None:
    sorts: Counter[Sort] = Counter()
    for seed in range(portion, FIREWALLS, PORTIONS):
        random = Random(seed)
        firewall = labelled(drawn(random, Ask(unknown=0.1)))
        some: Packets = {family: random.sample(PACKETS[family], SAMPLED) for family in (4, 6)}
        said, here = told(firewall), situations(firewall)
        for place, case in cases(firewall):
            if (place, case.label) in said:
                sorts[said[place, case.label].sort] += 1
                assert not missed(firewall, place, case, here, some), (seed, place, case)
    assert min(sorts[Sort.SHADOWED], sorts[Sort.REDUNDANT]) > 5


@pytest.mark.parametrize("portion", range(PORTIONS))
def test_what_is_not_said_to_do_nothing_would_be_missed(portion: int) -> None:
    kept = 0
    for seed in range(portion, FIREWALLS, PORTIONS):
        firewall = labelled(drawn(Random(seed), Ask(unknown=0, plain=True)))
        said, here = told(firewall), situations(firewall)
        for place, case in cases(firewall):
            if place.chain == "forward" and (place, case.label) not in said:
                assert case.verdict.verb in {Verb.ACCEPT, Verb.DROP}
                assert missed(firewall, place, case, here, PACKETS), (seed, place, case)
                kept += 1
    assert kept > 20
