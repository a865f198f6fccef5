"""Rules that do nothing: what a reviewer would ask about, without false alarms. Pure.

A rule is looked at in every situation in which it may hold: both families, each interface that the chain tells apart,
each way of being tracked. Only what is certain is said: a case with unknown words is never called anything, nor does
it make another shadowed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from .alteration import HOOKS
from .edited import Side
from .evaluate import Decided, Program, Situation, prepare
from .firewall import Case, Firewall, Hook, Match, Place, Rule, Verb
from .packets import PacketSet, box, matched
from .situations import situations
from .space import Space, space_of
from .town import FAMILIES

MOST_CAUSES = 3
"""A person reads the first few causes; a wide rule may be shadowed by thousands."""


class Sort(StrEnum):
    """Why a rule does nothing.

    `never`: no packet can match it. `shadowed`: earlier rules decide all that it matches. `redundant`: what it decides
    would be decided alike without it, by later rules or by the policy.
    """

    NEVER = "never"
    SHADOWED = "shadowed"
    REDUNDANT = "redundant"


@dataclass(frozen=True)
class Anomaly:
    """A rule, or one element of its set (`label`), that does nothing, and the first few that do it instead."""

    sort: Sort
    place: Place
    label: str
    causes: tuple[Place, ...] = ()


def anomalies(firewall: Firewall) -> list[Anomaly]:
    """Return the cases of a firewall's hooked chains that do nothing, in the order of the rules."""
    found = _Findings()
    for family in FAMILIES:
        space = space_of(family, _matches(firewall))
        for table, chain in (each for hook in HOOKS for each in firewall.hooked(hook, family)):
            found.look(Side(table, chain), space)
    return found.told()


_Key = tuple[int, int]
"""A rule and one of its cases, by identity: equal ones may stand in several places."""


class _Findings:
    """What was seen of every case so far."""

    def __init__(self) -> None:
        self.reached: dict[int, Rule] = {}
        self.possible: set[_Key] = set()
        self.deciding: set[_Key] = set()
        self.needed: set[_Key] = set()
        self.causes: dict[_Key, dict[Place, None]] = {}

    def look(self, side: Side, space: Space) -> None:
        """Look at one hooked chain, and those that it jumps to, in one family."""
        rules = [rule for rules in side.rules().values() for rule in rules]
        cases = [(rule, case) for rule in rules for case in rule.cases]
        self.reached |= {id(rule): rule for rule in rules}
        self.possible |= {_key(rule, case) for rule, case in cases if _can_match(space, case.match)}
        if any(case.verdict.astray for _, case in cases):
            # Packets that one of them rewrites meet the others with a header that no packet came with.
            self.needed |= {_key(rule, case) for rule, case in cases}
        hook = side.chain.hook
        assert hook is not None  # noqa: S101 - it was found by its hook
        for situation in situations(hook, [case.match for _, case in cases]):
            program = prepare(space, side.table, side.chain, situation, beyond=True)
            decided = program.run(box(space), keep=True).decided
            for each in decided:
                self._weigh(each, program, hook)
            self._shade(cases, decided, situation, space)

    def _weigh(self, each: Decided, program: Program, hook: Hook) -> None:
        """Note that a case decides something, and whether anything would change without it."""
        key = _key(each.rule, each.case)
        self.deciding.add(key)
        if key in self.needed:
            return
        if each.rule.speaks or each.case.verdict.verb not in _OPPOSITE or each.case.match.unknown or hook.kind == "nat":
            self.needed.add(key)
            return
        first = each.packets.first()
        causes = _instead(program, each, first) and _instead(program, each, each.packets)
        if causes is None:
            self.needed.add(key)
        else:
            self.causes.setdefault(key, {}).update(dict.fromkeys(causes))

    def _shade(
        self, cases: list[tuple[Rule, Case]], decided: tuple[Decided, ...], situation: Situation, space: Space
    ) -> None:
        """Note which rules take the packets of those that decide nothing so far."""
        for rule, case in cases:
            key = _key(rule, case)
            if key in self.deciding or not _holds(case.match, situation, space):
                continue
            causes, wanted = self.causes.setdefault(key, {}), matched(space, case.match)
            for each in decided:
                if len(causes) >= MOST_CAUSES:
                    break
                if each.case.verdict.verb in _DECIDING and each.packets & wanted:
                    causes[each.rule.place] = None

    def told(self) -> list[Anomaly]:
        """Return what is left to say once every chain was looked at in every situation."""
        return [
            Anomaly(sort, rule.place, case.label, tuple(self.causes.get(_key(rule, case), ()))[:MOST_CAUSES])
            for rule in self.reached.values()
            for case in rule.cases
            if (sort := self._sort(_key(rule, case), case)) is not None
        ]

    def _sort(self, key: _Key, case: Case) -> Sort | None:
        if case.match.unknown or case.verdict.verb is Verb.CONTINUE or key in self.needed:
            return None
        if key in self.deciding:
            return Sort.REDUNDANT
        return Sort.SHADOWED if key in self.possible else Sort.NEVER


def _instead(program: Program, each: Decided, packets: PacketSet) -> list[Place] | None:
    """Return what would decide these packets alike if the case were not there; None when they would fare otherwise."""
    outcome = program.run(packets, keep=True, without=each.case)
    wanted = each.case.verdict.verb
    if outcome.dropped if wanted is Verb.ACCEPT else outcome.accepted:
        return None
    if any(other.rule.speaks for other in outcome.decided):
        return None  # they would be logged, or answered: no fate is alike
    return [other.rule.place for other in outcome.decided if other.case.verdict.verb is wanted][:MOST_CAUSES]


_OPPOSITE = {Verb.ACCEPT: Verb.DROP, Verb.DROP: Verb.ACCEPT}
_DECIDING = frozenset({Verb.ACCEPT, Verb.DROP, Verb.RETURN, Verb.GOTO, Verb.TRANSLATE})


def _key(rule: Rule, case: Case) -> _Key:
    return id(rule), id(case)


def _matches(firewall: Firewall) -> Iterator[Match]:
    """Yield every match as it stands: no rule is read mirrored here, and mirrors would cut the space much finer."""
    for table in firewall.tables:
        for chain in table.chains.values():
            yield from (case.match for rule in chain.rules for case in rule.cases)


def _can_match(space: Space, match: Match) -> bool:
    return space.family in match.families and bool(match.services) and () not in (match.source, match.destination)


def _holds(match: Match, situation: Situation, space: Space) -> bool:
    return match.at(space.family, situation.entry, situation.exit) and match.tracked_as(situation.tracking)
