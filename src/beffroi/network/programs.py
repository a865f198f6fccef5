"""The chains of machines as programs, each prepared once for all situations that its cases do not tell apart. Pure."""

from __future__ import annotations

from .evaluate import Program, Situation, prepare
from .firewall import Chain, Match, Table
from .space import Space


class Programs:
    """Prepared chains of one space, kept for as long as it is walked.

    `prepare` reads a situation through `Match.at` and `Match.tracked_as` alone, and by whether answers are meant: where
    these say the same of every case, the program is the same.
    """

    def __init__(self, space: Space) -> None:
        self._space = space
        self._programs: dict[tuple[str, str, str, Situation], Program] = {}
        self._alike: dict[tuple[int, int, bool, tuple[int, ...]], Program] = {}
        self._circumstances: dict[tuple[int, int], tuple[Table, list[Match]]] = {}

    def of(self, machine: str, table: Table, chain: Chain, situation: Situation) -> Program:
        """Return the program of a machine's chain for a situation."""
        key = (machine, f"{table.family} {table.name}", chain.name, situation)
        if key not in self._programs:
            met = tuple(
                number
                for number, match in enumerate(self._told_apart(table, chain))
                if match.at(self._space.family, situation.entry, situation.exit)
                and match.tracked_as(situation.tracking)
            )
            alike = (id(table), id(chain), situation.answering, met)
            if alike not in self._alike:
                self._alike[alike] = prepare(self._space, table, chain, situation)
            self._programs[key] = self._alike[alike]
        return self._programs[key]

    def _told_apart(self, table: Table, chain: Chain) -> list[Match]:
        """Return one match for each circumstance that a case of the chain, or of one it jumps to, asks for."""
        key = (id(table), id(chain))
        if key not in self._circumstances:
            self._circumstances[key] = table, _circumstances(table, chain)
        return self._circumstances[key][1]


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
