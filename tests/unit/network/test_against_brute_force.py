"""The engine against the plainest other one: every packet of a small universe walked through every rule."""

from __future__ import annotations

from random import Random

import pytest
from drawn_firewalls import DEVICES, TRACKINGS, Ask, drawn, universe
from walked import Walk

from beffroi.network.conntrack import Packet
from beffroi.network.evaluate import Outcome, Situation, prepare
from beffroi.network.firewall import Direction, Family, Firewall, State, Tracking, Verb
from beffroi.network.packets import PacketSet, box
from beffroi.network.services import ACK, SYN, Point
from beffroi.network.space import matches_of, space_of

pytestmark = pytest.mark.slow  # walks through thousands of packets

FIREWALLS, PORTIONS = 1_200, 12
ENDING = {Verb.ACCEPT, Verb.DROP, Verb.TRANSLATE, Verb.UNKNOWN}


def engine(firewall: Firewall, family: Family, situation: Situation, *, by_source: bool) -> Outcome:
    """Evaluate all packets at once."""
    space = space_of(family, matches_of(firewall), by_source=by_source)
    ((table, chain),) = firewall.hooked("forward", family)
    return prepare(space, table, chain, situation).run(box(space))


def said(outcome: Outcome, packet: Packet) -> set[str]:
    """Return what the engine says may become of a packet."""
    sets: list[tuple[str, PacketSet | None]] = [
        ("accept", outcome.accepted),
        ("drop", outcome.dropped),
        ("notrack", outcome.untracked),
        *(("translate", taken) for _, taken in outcome.translated),
    ]
    return {name for name, found in sets if found is not None and found.holds(packet)}


@pytest.mark.parametrize("portion", range(PORTIONS))
def test_the_engine_says_of_every_packet_what_a_walk_through_the_rules_finds(portion: int) -> None:
    for seed in range(portion, FIREWALLS, PORTIONS):
        random = Random(seed)
        firewall = drawn(random, Ask(unknown=random.choice((0.0, 0.2))))
        family: Family = random.choice((4, 6))
        situation = Situation(random.choice(DEVICES), random.choice(DEVICES), random.choice(TRACKINGS))
        outcome = engine(firewall, family, situation, by_source=random.random() < 0.5)
        for packet in random.sample(universe(family), 40):
            assert said(outcome, packet) == Walk(firewall, packet, situation).fates, (seed, packet)


def answer_to(packet: Packet) -> Packet | None:
    """Return the first packet that answers this one; None when nothing does."""
    protocol, first, second, _ = packet.service
    if protocol in {1, 58}:
        replies = {(1, 8): 0, (1, 13): 14, (1, 17): 18, (58, 128): 129}
        if (protocol, first) not in replies:
            return None
        service = Point(protocol, replies[protocol, first], second, 0)
    elif protocol == 6:
        service = Point(6, second, first, SYN | ACK)
    else:
        service = Point(protocol, second, first, 0)
    return Packet(packet.family, packet.destination, packet.source, service)


def test_a_packet_whose_answer_is_meant_meets_what_a_walk_of_its_answer_finds() -> None:
    answering = Situation("lan0", "wan", Tracking(State.ESTABLISHED, Direction.REPLY), answering=True)
    seen = 0
    for seed in range(300):
        random = Random(seed)
        firewall = drawn(random)
        family: Family = random.choice((4, 6))
        outcome = engine(firewall, family, answering, by_source=random.random() < 0.5)
        for packet in random.sample(universe(family), 40):
            answer = answer_to(packet)
            if answer is not None:
                seen += 1
                assert said(outcome, packet) == Walk(firewall, answer, answering).fates, (seed, packet)
    assert seen > 5_000


@pytest.mark.parametrize("portion", range(PORTIONS))
def test_the_cases_that_own_a_packet_are_those_that_a_walk_ends_at(portion: int) -> None:
    owned = 0
    for seed in range(portion, FIREWALLS, PORTIONS):
        random = Random(seed)
        firewall = drawn(random, Ask(unknown=random.choice((0.0, 0.2))))
        family: Family = random.choice((4, 6))
        situation = Situation(random.choice(DEVICES), random.choice(DEVICES), random.choice(TRACKINGS))
        space = space_of(family, matches_of(firewall))
        ((table, chain),) = firewall.hooked("forward", family)
        decided = prepare(space, table, chain, situation).run(box(space), keep=True).decided
        ending = [each for each in decided if each.case.verdict.verb in ENDING]
        for packet in random.sample(universe(family), 20):
            owners = {id(case) for case in Walk(firewall, packet, situation).owners}
            assert {id(each.case) for each in ending if each.packets.holds(packet)} == owners, (seed, packet)
            owned += bool(owners)
    assert owned > 150
