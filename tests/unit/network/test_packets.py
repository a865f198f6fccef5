from __future__ import annotations

from random import Random

import pytest
from drawn_firewalls import drawn, universe

from beffroi.network.firewall import Match
from beffroi.network.packets import PacketSet, carried, matched, nothing
from beffroi.network.space import Space, matches_of, space_of


def _space(seed: int) -> tuple[Space, list[Match]]:
    matches = list(matches_of(drawn(Random(seed))))
    return space_of(4, matches, by_source=bool(seed % 2)), matches


def _two(seed: int) -> tuple[PacketSet, PacketSet]:
    space, matches = _space(seed)
    one, other = Random(seed).choices(matches, k=2)
    return matched(space, one), matched(space, other)


EACH = pytest.mark.parametrize("seed", range(12))


@EACH
def test_sets_of_packets_are_united_met_and_subtracted_packet_by_packet(seed: int) -> None:
    one, other = _two(seed)
    for packet in universe(4):
        left, right = one.holds(packet), other.holds(packet)
        assert (one | other).holds(packet) == (left or right)
        assert (one & other).holds(packet) == (left and right)
        assert (one - other).holds(packet) == (left and not right)


@EACH
def test_a_witness_is_a_member(seed: int) -> None:
    for packets in _two(seed):
        witness = packets.witness()
        assert packets.holds(witness) if witness is not None else not packets


def test_the_empty_set_has_no_witness() -> None:
    assert nothing(_space(0)[0]).witness() is None


@EACH
def test_a_set_carried_to_a_finer_space_holds_the_same_packets(seed: int) -> None:
    space, matches = _space(seed)
    finer = space_of(4, [*matches, *matches_of(drawn(Random(seed + 100)))], by_source=not space.by_source)
    packets = _two(seed)[0]
    moved = carried(packets, finer)
    assert [moved.holds(packet) for packet in universe(4)] == [packets.holds(packet) for packet in universe(4)]
