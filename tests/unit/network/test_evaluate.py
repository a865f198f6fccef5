from __future__ import annotations

import pytest

from beffroi.network.classes import TooComplexError, address_classes
from beffroi.network.evaluate import Outcome, Situation, prepare
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
    Unknown,
    Verb,
    Verdict,
)
from beffroi.network.intervals import normal
from beffroi.network.packets import box
from beffroi.network.services import ported
from beffroi.network.space import matches_of, space_of

V4: frozenset[Family] = frozenset({4})
HOST = Match(V4, ((10, 10),))
ANYTHING = Match()


def _chain(name: str, *cases: tuple[Match, Verdict], hook: Hook | None = None) -> Chain:
    return Chain(name, tuple(Rule((Case(*case),), Place("inet t", name, at)) for at, case in enumerate(cases, 1)), hook)


def _outcome(*cases: tuple[Match, Verdict], also: tuple[Chain, ...] = ()) -> Outcome:
    base = _chain("forward", *cases, hook=Hook("filter", "forward", 0, "drop"))
    table = Table("inet", "t", {chain.name: chain for chain in (base, *also)})
    space = space_of(4, [HOST, *matches_of(Firewall((table,)))])
    return prepare(space, table, base, Situation()).run(box(space), keep=True)


ACCEPT, DROP, RETURN = Verdict(Verb.ACCEPT), Verdict(Verb.DROP), Verdict(Verb.RETURN)


def test_the_first_rule_that_matches_decides() -> None:
    outcome = _outcome((HOST, DROP), (ANYTHING, ACCEPT))
    assert outcome.dropped == box(outcome.dropped.space, ((10, 10),))


def test_accepted_and_dropped_share_nothing_where_all_is_known() -> None:
    outcome = _outcome((HOST, ACCEPT))
    assert not outcome.unknown
    assert outcome.accepted | outcome.dropped == box(outcome.accepted.space)


def test_a_case_with_words_not_modelled_makes_its_packets_unknown() -> None:
    outcome = _outcome((Match(V4, ((10, 10),), unknown=(Unknown("meta mark 1"),)), ACCEPT))
    assert outcome.unknown == box(outcome.unknown.space, ((10, 10),))


def test_a_jump_comes_back_and_a_goto_does_not() -> None:
    empty = _chain("empty")
    jumped = _outcome((ANYTHING, Verdict(Verb.JUMP, "empty")), (ANYTHING, ACCEPT), also=(empty,))
    gone = _outcome((ANYTHING, Verdict(Verb.GOTO, "empty")), (ANYTHING, ACCEPT), also=(empty,))
    assert not jumped.dropped
    assert not gone.accepted


def test_a_return_in_the_first_chain_meets_its_policy() -> None:
    assert not _outcome((ANYTHING, RETURN), (ANYTHING, ACCEPT)).accepted


def test_a_rule_that_nothing_reaches_decides_nothing() -> None:
    outcome = _outcome((ANYTHING, ACCEPT), (HOST, DROP))
    assert [each.rule.place.position for each in outcome.decided] == [1]


@pytest.mark.slow
def test_jumps_that_double_at_each_level_end_in_an_error() -> None:
    twice = [_chain(f"c{at}", *[(HOST, Verdict(Verb.JUMP, f"c{at + 1}"))] * 2) for at in range(30)]
    with pytest.raises(TooComplexError):
        _outcome((HOST, Verdict(Verb.JUMP, "c0")), also=(*twice, _chain("c30")))


def test_a_loop_of_jumps_ends_in_an_error() -> None:
    loop = _chain("loop", (ANYTHING, Verdict(Verb.JUMP, "loop")))
    with pytest.raises(TooComplexError):
        _outcome((HOST, Verdict(Verb.JUMP, "loop")), also=(loop,))


def test_no_mirror_is_cut_after_a_rule_that_takes_all_tracked_answers() -> None:
    known = Match(states=frozenset({State.ESTABLISHED}))
    web = Match(V4, services=ported([6], second=((80, 80),)))
    chain = _chain("forward", (known, ACCEPT), (web, ACCEPT), hook=Hook("filter", "forward", 0, "drop"))
    firewall = Firewall((Table("inet", "t", {"forward": chain}),))
    assert web.mirrored() in matches_of(firewall)
    assert web.mirrored() not in matches_of(firewall, tracked=True)


@pytest.mark.slow
def test_a_constraint_of_a_million_elements_cuts_an_axis_in_two() -> None:
    classes = address_classes([normal((number * 4, number * 4) for number in range(1_000_000))], 2**32 - 1)
    assert len(classes.samples) == 2
