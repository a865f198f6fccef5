"""The same policy in two other engines, CUDD through `dd` and z3: each encodes the new packets of IPv4."""

from __future__ import annotations

import z3
from dd.cudd import BDD, Function
from towns_drawn import Row, Town

from beffroi.network.firewall import Verb
from beffroi.network.intervals import Intervals, Range
from beffroi.network.services import ANY_SERVICE, Services

WIDTHS = {"d": 32, "s": 32, "p": 8, "t": 16}
"""Bits of each field; destinations first, which suits rules that name many hosts as destinations."""


class Diagrams:
    """A policy as one decision diagram."""

    def __init__(self) -> None:
        self.bdd = BDD()
        self.bits = {field: [f"{field}{at}" for at in range(width)] for field, width in WIDTHS.items()}
        self.bdd.declare(*(name for names in self.bits.values() for name in names))
        self.known: dict[tuple[str, Intervals], Function] = {}

    def accepted(self, rows: list[Row]) -> Function:
        """Return the accepted packets: rules folded from the last to the first."""
        formula = self.bdd.false
        for source, destination, services, verb in reversed(rows):
            match = self._among("s", source) & self._among("d", destination) & self._services(services)
            formula = formula | match if verb is Verb.ACCEPT else formula & ~match
        return formula

    def open(self, formula: Function, where: Town) -> int:
        """Return how many ordered pairs of segments have a packet."""
        groups = [(each,) for each in where.segments[4]]
        rest = [*self.bits["p"], *self.bits["t"]]
        pairs = self.bdd.exist(rest, formula)
        count = 0
        for source in groups:
            reached = pairs & self._among("s", source)
            count += sum((reached & self._among("d", other)) != self.bdd.false for other in groups)
        return count

    def _services(self, services: Services) -> Function:
        if services == ANY_SERVICE:
            return self.bdd.true
        (box,) = services.boxes
        return self._among("p", box.protocols) & self._among("t", box.second)

    def _among(self, field: str, ranges: Intervals | None) -> Function:
        if ranges is None:
            return self.bdd.true
        if (field, ranges) not in self.known:
            formula = self.bdd.false
            for low, high in ranges:
                formula |= self._bound(field, low, up=False) & self._bound(field, high, up=True)
            self.known[field, ranges] = formula
        return self.known[field, ranges]

    def _bound(self, field: str, limit: int, *, up: bool) -> Function:
        """Return the numbers up to the limit, or from it."""
        formula = self.bdd.true
        for at, name in enumerate(reversed(self.bits[field])):
            bit, one = self.bdd.var(name), limit >> at & 1
            inside = ~bit if up else bit
            formula = inside | formula if bool(one) is up else inside & formula
        return formula


class Solver:
    """A policy as one formula, asked pair by pair."""

    def __init__(self, rows: list[Row]) -> None:
        self.words = {field: z3.BitVec(field, width) for field, width in WIDTHS.items()}
        formula = z3.BoolVal(val=False)
        for source, destination, services, verb in reversed(rows):
            parts = [self._among("s", source), self._among("d", destination)]
            parts += [z3.Or([self._box(each.protocols, each.second) for each in services.boxes])]
            formula = z3.If(z3.And(parts), z3.BoolVal(val=verb is Verb.ACCEPT), formula)
        self.solver = z3.Solver()
        self.solver.add(formula)

    def open(self, source: Range, destination: Range) -> bool:
        """Tell whether any packet goes from one segment to another."""
        asked = [self._among("s", (source,)), self._among("d", (destination,))]
        return bool(self.solver.check(*asked) == z3.sat)

    def _box(self, protocols: Intervals, ports: Intervals) -> z3.BoolRef:
        return z3.And(self._among("p", protocols), self._among("t", ports))

    def _among(self, field: str, ranges: Intervals | None) -> z3.BoolRef:
        if ranges is None:
            return z3.BoolVal(val=True)
        word = self.words[field]
        return z3.Or([z3.And(z3.UGE(word, low), z3.ULE(word, high)) for low, high in ranges])
