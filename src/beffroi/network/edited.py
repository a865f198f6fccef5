"""Which rules two rulesets do not share, and which of their rules can matter for those. Pure.

Any alignment that keeps the order will do: a packet that no unaligned rule matches meets the same rules before and
after, in the same order.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import NamedTuple

from .aligned import unaligned
from .firewall import Case, Chain, Family, Firewall, Hook, Match, Rule, Table, Verb
from .intervals import Intervals, normal, overlap
from .services import ANY_SERVICE, Services
from .situations import CONNTRACK

_MOST_BOXES = 64


class Side(NamedTuple):
    """A hooked chain, and the table that holds the chains that it jumps to."""

    table: Table
    chain: Chain
    missing: bool = False

    def rules(self) -> dict[str, tuple[Rule, ...]]:
        """Return the rules of the chain and of those that it jumps to, by chain."""
        waiting, found = [self.chain.name], dict[str, tuple[Rule, ...]]()
        while waiting:
            name = waiting.pop()
            if name not in found:
                found[name] = self.table.chains[name].rules
                waiting += [case.verdict.chain for rule in found[name] for case in rule.cases if case.verdict.chain]
        return found

    def narrowed(self, hull: Hull) -> Side:
        """Return the same without the cases that no packet of `hull` can match."""
        chains = {
            name: replace(self.table.chains[name], rules=tuple(_touched(rules, hull)))
            for name, rules in self.rules().items()
        }
        return Side(replace(self.table, chains=chains), chains[self.chain.name], self.missing)


class Pair(NamedTuple):
    """One hooked chain before and after an edit; a chain that is missing on a side accepts everything there."""

    old: Side
    new: Side

    @property
    def hook(self) -> Hook:
        """Return where the kernel calls it."""
        hook = self.new.chain.hook or self.old.chain.hook
        assert hook is not None  # noqa: S101 - both were found by their hook
        return hook

    def matches(self) -> Iterator[Match]:
        """Yield every match of both sides."""
        for side in self:
            yield from (case.match for rules in side.rules().values() for rule in rules for case in rule.cases)


def paired(old: Firewall, new: Firewall, hook: str, family: Family) -> Iterator[list[Pair]]:
    """Yield the chains that packets meet on a hook, in groups: all chains of one must accept the very same packet.

    Between two groups a packet may change: conntrack looks at it, or a nat chain (a group of its own) translates it.
    """
    before, after = _placed(old.hooked(hook, family)), _placed(new.hooked(hook, family))
    groups: dict[Hashable, list[Pair]] = {}
    for key in dict.fromkeys((*before, *after)):
        one, other = before.get(key), after.get(key)
        known = one or other
        if known is not None:
            pair = Pair(one or _missing(known), other or _missing(known))
            groups.setdefault(key[0], []).append(pair)
    yield from groups.values()


def _placed(hooked: Iterable[tuple[Table, Chain]]) -> dict[tuple[Hashable, ...], Side]:
    found: dict[tuple[Hashable, ...], Side] = {}
    translating = 0
    for table, chain in hooked:
        hook = chain.hook
        if hook is not None:
            nat = hook.kind == "nat"
            found[(translating, nat, hook.priority < CONNTRACK), table.family, table.name, chain.name] = Side(
                table, chain
            )
            translating += nat
    return found


def _missing(known: Side) -> Side:
    hook = known.chain.hook
    assert hook is not None  # noqa: S101 - it was found by its hook
    chain = Chain(known.chain.name, (), replace(hook, policy="accept"))
    return Side(Table(known.table.family, known.table.name, {chain.name: chain}), chain, missing=True)


class Edits:
    """Which rules two firewalls do not share, each pair of chains compared once."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], tuple[Match, ...]] = {}

    def of(self, pair: Pair, family: Family) -> list[Match]:
        """Return what the rules of one family match that the two sides do not share; all packets if policies differ."""
        policies = {side.chain.hook.policy for side in pair if side.chain.hook is not None}
        if len(policies) > 1:
            return [Match(frozenset({family}))]
        old, new = pair.old.rules(), pair.new.rules()
        found = [
            match
            for name in dict.fromkeys((*old, *new))
            for match in self._unshared(old.get(name, ()), new.get(name, ()))
            if family in match.families
        ]
        return list(dict.fromkeys(found))

    def _unshared(self, old: tuple[Rule, ...], new: tuple[Rule, ...]) -> tuple[Match, ...]:
        if old is new:
            return ()
        key = id(old), id(new)  # both live as long as the firewalls that are compared
        if key not in self._known:
            self._known[key] = tuple(_unshared(old, new))
        return self._known[key]


def _unshared(old: Sequence[Rule], new: Sequence[Rule]) -> Iterator[Match]:
    for low, high, start, end in unaligned(old, new, attrgetter("cases")):
        left, right = old[low:high], new[start:end]
        if len(left) == len(right):
            for one, other in zip(left, right, strict=True):
                yield from _differing(one, other)
        else:
            yield from (case.match for rule in (*left, *right) for case in rule.cases)


def _differing(one: Rule, other: Rule) -> Iterable[Match]:
    """Return what may fare otherwise when one rule takes the place of another."""
    verdicts = {case.verdict for case in (*one.cases, *other.cases)}
    before, after = ({case.match for case in rule.cases} for rule in (one, other))
    if len(verdicts) == 1 and next(iter(verdicts)).verb in {Verb.ACCEPT, Verb.DROP}:
        return before ^ after  # elements of a set, in whatever order
    return () if one.cases == other.cases else before | after


@dataclass(frozen=True)
class Hull:
    """A set of packets that holds all that was edited, quick to compare with; None stands for any."""

    family: Family
    source: Intervals | None
    destination: Intervals | None
    services: Services

    def meets(self, match: Match) -> bool:
        """Tell whether some packet may be in both."""
        return (
            self.family in match.families
            and _overlap(self.source, match.source)
            and _overlap(self.destination, match.destination)
            and (ANY_SERVICE in (self.services, match.services) or bool(self.services & match.services))
        )


def hull_of(matches: Sequence[Match], family: Family) -> Hull:
    """Return the smallest product of addresses and services around `matches`."""
    boxes = tuple(dict.fromkeys(box for match in matches for box in match.services.boxes))
    services = Services(boxes) if len(boxes) <= _MOST_BOXES else ANY_SERVICE
    return Hull(
        family, _union(match.source for match in matches), _union(match.destination for match in matches), services
    )


def _union(found: Iterable[Intervals | None]) -> Intervals | None:
    ranges: list[tuple[int, int]] = []
    for each in found:
        if each is None:
            return None
        ranges += each
    return normal(ranges)


def _overlap(one: Intervals | None, other: Intervals | None) -> bool:
    if one is None or other is None:
        return True
    if len(one) == len(other) == 1:
        return one[0][0] <= other[0][1] and other[0][0] <= one[0][1]
    return overlap(one, other)


def _touched(rules: Iterable[Rule], hull: Hull) -> Iterator[Rule]:
    for rule in rules:
        cases: tuple[Case, ...] = tuple(case for case in rule.cases if hull.meets(case.match))
        if cases:
            yield rule if len(cases) == len(rule.cases) else replace(rule, cases=cases)
