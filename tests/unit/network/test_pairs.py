from __future__ import annotations

from itertools import product
from random import Random

import pytest

from beffroi.network.conntrack import Packet
from beffroi.network.firewall import Family, Match
from beffroi.network.packets import PacketSet, matched, united
from beffroi.network.pairs import Pairs
from beffroi.network.services import ANY_SERVICE, SYN, Point, ported
from beffroi.network.space import Space, space_of

GROUPS = {"lan": ((10, 19),), "dmz": ((20, 24), (30, 34)), "wan": ((100, 199),)}
SSH = ported([6], second=((22, 22),))
WEB = ported([6], second=((80, 80),))
ONE_SSH = Point(6, 50000, 22, SYN)
V4: frozenset[Family] = frozenset({4})
LAN_TO_DMZ = Match(V4, ((12, 12),), ((30, 30),), SSH)
WAN_TO_LAN = Match(V4, ((150, 160),), ((10, 10),), WEB)


def _space(*, by_source: bool) -> Space:
    cuts = [Match(V4, source, target) for source, target in product(GROUPS.values(), repeat=2)]
    return space_of(4, [*cuts, LAN_TO_DMZ, WAN_TO_LAN, Match(V4, services=ANY_SERVICE)], by_source=by_source)


def _accepted(space: Space) -> PacketSet:
    return united(space, [matched(space, LAN_TO_DMZ), matched(space, WAN_TO_LAN)])


@pytest.mark.parametrize("by_source", [False, True])
def test_only_pairs_with_a_packet_are_open(*, by_source: bool) -> None:
    space = _space(by_source=by_source)
    assert Pairs(space, GROUPS).open(_accepted(space)) == {("lan", "dmz"), ("wan", "lan")}


@pytest.mark.parametrize("by_source", [False, True])
def test_the_packets_of_a_pair_are_those_between_its_groups(*, by_source: bool) -> None:
    space = _space(by_source=by_source)
    accepted = _accepted(space)
    between = Pairs(space, GROUPS).between(accepted, "lan", "dmz")
    assert between == matched(space, LAN_TO_DMZ)
    assert between.holds(Packet(4, 12, 30, ONE_SSH))
    assert not Pairs(space, GROUPS).between(accepted, "dmz", "lan")


def test_a_pair_is_open_exactly_when_its_packets_are_not_empty() -> None:
    space = _space(by_source=True)
    pairs = Pairs(space, GROUPS)
    random = Random(1)
    for _ in range(50):
        some = [Match(V4, random.choice(list(GROUPS.values())), random.choice(list(GROUPS.values()))) for _ in range(2)]
        packets = united(space, [matched(space, each) & matched(space, Match(V4)) for each in some])
        assert pairs.open(packets) == {
            (one, other) for one, other in product(GROUPS, repeat=2) if pairs.between(packets, one, other)
        }
