from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from drawn_firewalls import drawn, universe

from beffroi.network.firewall import Match
from beffroi.network.packets import PacketSet, carried, in_planes, matched, nothing, united
from beffroi.network.space import Plane, Space, matches_of, space_of


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


def _many(seed: int) -> tuple[Space, list[PacketSet]]:
    """Return sets of a space of 80 destinations: parts of one destination, of many, of all."""
    random = Random(seed)
    matches = [Match(destination=((at, at),)) for at in range(80)] + [Match(source=((at, at),)) for at in range(30)]
    space = space_of(4, matches, by_source=False)
    majors, minors = len(space.majors.samples), len(space.minors.samples)
    sets = []
    for _ in range(4):
        shared: list[Plane] = [
            {at // space.block: random.getrandbits(space.block) | 1 for at in random.sample(range(minors), 5)}
            for _ in range(random.choice([1, 2, 40]))
        ]
        held = random.sample(range(majors), random.choice([1, 20, majors]))
        sets.append(in_planes(space, {major: random.choice(shared) for major in held}))
    return space, sets


def _bits(packets: PacketSet) -> Counter[tuple[int, int]]:
    """Return the bits of each major class and block; none where there are none."""
    return Counter({(major, block): bits for major, plane in packets.planes.items() for block, bits in plane.items()})


@pytest.mark.parametrize("seed", range(40))
def test_parts_of_any_size_are_united_met_and_subtracted_block_by_block(seed: int) -> None:
    space, (one, other, third, fourth) = _many(seed)
    bits = [_bits(each) for each in (one, other, third, fourth)]
    everywhere = set().union(*bits)
    together = _bits(united(space, [one, other, third, fourth]))
    joined, met, left_over = _bits(one | other), _bits(one & other), _bits(one - other)
    for at in everywhere:
        left, right = bits[0][at], bits[1][at]
        assert (joined[at], met[at], left_over[at]) == (left | right, left & right, left & ~right)
        assert together[at] == left | right | bits[2][at] | bits[3][at]


@pytest.mark.parametrize("seed", range(40))
def test_no_major_class_is_in_two_parts_and_no_part_is_empty(seed: int) -> None:
    space, (one, other, third, _) = _many(seed)
    for each in (one | other, one & other, one - other, united(space, [one, other, third])):
        assert sum(majors for majors, _ in each.parts) == sum(1 << major for major in each.planes)
        assert all(majors and plane and all(plane.values()) for majors, plane in each.parts)
