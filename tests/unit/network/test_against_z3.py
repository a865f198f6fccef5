"""The engine against an SMT solver: over every packet that there is, the two sets are proved equal."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from random import Random

import pytest
import z3
from drawn_firewalls import DEVICES, TRACKINGS, Ask, drawn

from beffroi.network.classes import ones
from beffroi.network.evaluate import Situation, prepare
from beffroi.network.firewall import LAST_ADDRESS, Case, Chain, Family, Match, Verb
from beffroi.network.intervals import Intervals, normal
from beffroi.network.packets import PacketSet, box
from beffroi.network.services import ALL_FLAGS, ICMP, ICMPV6, PORTED, TCP, Box, ported
from beffroi.network.space import Space, matches_of, space_of

pytestmark = pytest.mark.slow  # a solver proves each

POLICIES, PORTIONS = 120, 6
PROTOCOL, FLAGS = z3.BitVec("protocol", 8), z3.BitVec("flags", 8)
NUMBERED = z3.Or([protocol == PROTOCOL for protocol in (*PORTED, ICMP, ICMPV6)])
FIRST, SECOND = z3.BitVec("first", 16), z3.BitVec("second", 16)


def among(word: z3.BitVecRef, ranges: Iterable[tuple[int, int]] | None) -> z3.BoolRef:
    if ranges is None:
        return z3.BoolVal(val=True)
    return z3.Or([z3.And(z3.UGE(word, low), z3.ULE(word, high)) for low, high in ranges])


@cache
def in_box(each: Box) -> z3.BoolRef:
    """Say what a box means; ports where there are ports, flags for TCP alone."""
    numbers = z3.And(among(FIRST, each.first), among(SECOND, each.second))
    parts = [among(PROTOCOL, each.protocols), z3.Implies(NUMBERED, numbers)]
    if each.flags != ALL_FLAGS:
        values = normal((value, value) for value in range(256) if each.flags >> value & 1)
        parts.append(z3.Implies(PROTOCOL == TCP, among(FLAGS, values)))
    return z3.And(parts)


class Encoding:
    """A firewall's chain, as a formula over a packet's bits."""

    def __init__(self, family: Family, situation: Situation, chains: dict[str, Chain]) -> None:
        self.family, self.situation, self.chains = family, situation, chains
        width = LAST_ADDRESS[family].bit_length()
        self.source, self.destination = z3.BitVec("source", width), z3.BitVec("destination", width)

    def matches(self, match: Match) -> z3.BoolRef:
        there = match.at(self.family, self.situation.entry, self.situation.exit)
        if not (there and match.tracked_as(self.situation.tracking)):
            return z3.BoolVal(val=False)
        services = z3.Or([in_box(each) for each in match.services.boxes])
        return z3.And(self.pair(match.source, match.destination), services)

    def pair(self, source: Intervals | None, destination: Intervals | None) -> z3.BoolRef:
        return z3.And(among(self.source, source), among(self.destination, destination))

    def accepts(self, cases: list[Case], back: z3.BoolRef) -> z3.BoolRef:
        """Return what is accepted of packets that reach these cases; `back` decides on those that leave them."""
        formula = back
        for case in reversed(cases):
            then = {
                Verb.ACCEPT: z3.BoolVal(val=True),
                Verb.DROP: z3.BoolVal(val=False),
                Verb.TRANSLATE: z3.BoolVal(val=False),
                Verb.UNKNOWN: z3.BoolVal(val=True),
                Verb.RETURN: back,
            }.get(case.verdict.verb, formula)
            if case.verdict.verb in {Verb.JUMP, Verb.GOTO}:
                after = formula if case.verdict.verb is Verb.JUMP else back
                then = self.accepts(cases_of(self.chains[case.verdict.chain]), after)
            formula = z3.If(self.matches(case.match), then, formula)
        return formula

    def members(self, packets: PacketSet) -> z3.BoolRef:
        """Return the set that the engine found, as a formula."""
        space = packets.space
        services = [z3.Or([in_box(cell) for cell in cells]) for cells in space.services.cells]
        alike: dict[tuple[int, int], set[int]] = {}
        for one, other, bits in packets.rows():
            alike.setdefault((one, bits), set()).add(other)
        return z3.Or(
            [
                z3.And(
                    self.pair(tuple(space.sources.ranges({one})), tuple(space.destinations.ranges(others))),
                    z3.Or([services[number] for number in ones(bits)]),
                )
                for (one, bits), others in alike.items()
            ]
        )


def cases_of(chain: Chain) -> list[Case]:
    return [case for rule in chain.rules for case in rule.cases]


def unequal(one: z3.BoolRef, other: z3.BoolRef) -> z3.CheckSatResult:
    solver = z3.Solver()
    solver.add(one != other)
    return solver.check()


@pytest.mark.parametrize("portion", range(PORTIONS))
def test_the_accepted_packets_are_those_that_a_solver_accepts(portion: int) -> None:
    for seed in range(portion, POLICIES, PORTIONS):
        random = Random(seed)
        firewall = drawn(random, Ask(unknown=0))
        family: Family = random.choice((4, 6))
        situation = Situation(random.choice(DEVICES), random.choice(DEVICES), random.choice(TRACKINGS))
        space = space_of(family, matches_of(firewall))
        ((table, chain),) = firewall.hooked("forward", family)
        accepted = prepare(space, table, chain, situation).run(box(space)).accepted
        encoding = Encoding(family, situation, table.chains)
        assert chain.hook is not None
        wanted = encoding.accepts(cases_of(chain), z3.BoolVal(chain.hook.policy == "accept"))
        assert unequal(encoding.members(accepted), wanted) == z3.unsat, seed


def test_the_solver_would_see_one_port_too_many() -> None:
    # Guards the judge itself: two sets that differ in a single port are not proved equal.
    narrow, wide = ported([6], second=((22, 22),)), ported([6], second=((22, 23),))
    space: Space = space_of(4, [Match(services=narrow), Match(services=wide)])
    encoding = Encoding(4, Situation(), {})
    sets = [encoding.members(box(space, services=services)) for services in (narrow, wide)]
    assert unequal(*sets) == z3.sat
