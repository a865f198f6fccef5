"""The chains of machines as programs, each prepared once for all situations that its cases do not tell apart. Pure."""

from __future__ import annotations

from typing import NamedTuple

from .evaluate import Program, Situation, prepare
from .firewall import Chain, Match, Table, Tracking
from .space import Space


class Programs:
    """Prepared chains of one space, kept for as long as it is walked.

    `prepare` reads a situation through `Match.at` and `Match.tracked_as` alone, and by whether answers are meant: where
    these say the same of every case, the program is the same.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        self._programs: dict[tuple[int, int, tuple[str, str], Tracking, bool], Program] = {}
        self._alike: dict[tuple[int, int, bool, tuple[int, ...]], Program] = {}
        self._circumstances: dict[tuple[int, int], _Asked] = {}

    def of(self, table: Table, chain: Chain, situation: Situation) -> Program:
        """Return the program of a chain for a situation."""
        asked = self._asked(table, chain)
        ways = (situation.entry, situation.exit) if asked.ways else ("", "")
        key = (id(table), id(chain), ways, situation.tracking, situation.answering)
        if key not in self._programs:
            met = tuple(
                number
                for number, match in enumerate(asked.matches)
                if match.at(self._space.family, situation.entry, situation.exit)
                and match.tracked_as(situation.tracking)
            )
            alike = (id(table), id(chain), situation.answering, met)
            if alike not in self._alike:
                self._alike[alike] = prepare(self._space, table, chain, situation)
            self._programs[key] = self._alike[alike]
        return self._programs[key]

    def _asked(self, table: Table, chain: Chain) -> _Asked:
        """Return the circumstances that the cases of the chain, or of those that it jumps to, ask for."""
        key = (id(table), id(chain))
        if key not in self._circumstances:
            matches = _circumstances(table, chain)
            # The table is kept, for its id to stay its own.
            self._circumstances[key] = _Asked(table, matches, any(match.entry or match.exit for match in matches))
        return self._circumstances[key]


class _Asked(NamedTuple):
    """Matches without their headers; `ways` tells whether any of them asks for an interface."""

    table: Table
    matches: list[Match]
    ways: bool


def _circumstances(table: Table, chain: Chain) -> list[Match]:
    """Return what the cases of a table ask of interfaces and conntrack, each once: a match without its header.

    Situations in which the same ones hold meet the same cases of the chain, and may share a program.
    """
    reached = [chain] if not _jumps(chain) else table.chains.values()
    asked = (
        (match.families, match.entry, match.exit, match.states, match.direction, match.dnat, match.snat)
        for each in reached
        for rule in each.rules
        for match in (case.match for case in rule.cases)
    )
    return [
        Match(families=families, entry=entry, exit=exit_, states=states, direction=direction, dnat=dnat, snat=snat)
        for families, entry, exit_, states, direction, dnat, snat in dict.fromkeys(asked)
    ]


def _jumps(chain: Chain) -> bool:
    return any(case.verdict.chain for rule in chain.rules for case in rule.cases)
