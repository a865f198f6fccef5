"""What an edit of one ruleset changes, hook by hook: packets opened or closed, translated or tracked otherwise. Pure.

Two lists of rules can only differ for packets that some rule matches which is not in both at the same place. Those
rules are found first, all that does not overlap them is left out, and what remains is evaluated before and after: the
answer is exact, and takes as long as the edit is wide and not as long as the ruleset.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from .edited import Edits, Pair, Side, hull_of, paired
from .evaluate import Decided, Situation, prepare
from .firewall import Family, Firewall, Match, Place, Rule, Translation, Verb
from .packets import PacketSet, matched, nothing, united
from .situations import alike, situations
from .space import space_of
from .town import FAMILIES

Sort = Literal["opened", "closed", "translated", "untranslated", "untracked", "tracked"]

HOOKS = ("prerouting", "input", "forward", "output", "postrouting")

MOST_BLAMED = 50
"""Rules told one by one for one sort of change: a person would not read more."""

MANY = Place("", "", 0)
"""Stands for the rest of them."""

_DECIDING = frozenset({Verb.ACCEPT, Verb.DROP, Verb.UNKNOWN, Verb.TRANSLATE, Verb.NOTRACK})


@dataclass(frozen=True)
class Alteration:
    """Packets whose fate on a hook is another after the edit, in each of `situations`, and the rules that decide it.

    `before` and `after` are None where no chain decided, MANY where too many rules do. `doubtful` ones may fare as
    before: something about them is not modelled.
    """

    sort: Sort
    family: Family
    hook: str
    situations: tuple[Situation, ...]
    packets: PacketSet
    doubtful: bool
    before: Place | None
    after: Place | None


@dataclass(frozen=True)
class Comparison:
    """All that an edit alters, and the tables whose text differs but whose hooks are not followed."""

    alterations: tuple[Alteration, ...]
    unfollowed: tuple[str, ...] = ()

    @property
    def same(self) -> bool:
        """Tell whether the two rulesets are proved to mean the same."""
        return not self.alterations and not self.unfollowed


def compare_rulesets(old: Firewall, new: Firewall) -> Comparison:
    """Return what the edit from `old` to `new` alters; raise TooComplexError."""
    edits = Edits()
    found = [
        alteration
        for family in FAMILIES
        for hook in HOOKS
        for pairs in paired(old, new, hook, family)
        for alteration in _altered(pairs, hook, family, edits)
    ]
    return Comparison(tuple(found), tuple(_unfollowed(old, new)))


def _unfollowed(old: Firewall, new: Firewall) -> Iterator[str]:
    before, after = (
        {
            f"{table.family} {table.name}": table
            for table in firewall.tables
            if table.family in {"bridge", "arp", "netdev"}
        }
        for firewall in (old, new)
    )
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield name
    yield from sorted(set(old.remarks) ^ set(new.remarks) | {text for _, text in set(old.asides) ^ set(new.asides)})
    if old.tables != new.tables:
        # What these rules make of packets meets the rules that follow, whatever its header was.
        yield from dict.fromkeys(str(rule.place) for each in (old, new) for rule in _rewriting(each))


def _rewriting(firewall: Firewall) -> Iterator[Rule]:
    for table in firewall.tables:
        for chain in table.chains.values():
            yield from (rule for rule in chain.rules if any(case.verdict.astray for case in rule.cases))


@dataclass(frozen=True)
class _Fates:
    """What the chains of one side do together to some packets.

    Who may pass and who surely does; who may be rewritten, how; and `vague`, whom words that are not modelled touch.
    """

    possible: PacketSet
    sure: PacketSet
    rewritten: dict[Translation | None, PacketSet]
    vague: PacketSet
    decided: tuple[tuple[Side, tuple[Decided, ...]], ...]


def _altered(pairs: Sequence[Pair], hook: str, family: Family, edits: Edits) -> Iterator[Alteration]:
    """Yield what an edit alters in chains of one hook that all must accept a packet."""
    wide = [match for pair in pairs for match in edits.of(pair, family)]
    if not wide:
        return
    hull = hull_of(wide, family)
    narrow = [Pair(pair.old.narrowed(hull), pair.new.narrowed(hull)) for pair in pairs]
    matches = [*wide, *(match for pair in narrow for match in pair.matches())]
    space = space_of(family, matches)
    seen: dict[_Told, tuple[PacketSet, list[Situation]]] = {}
    for situation in situations(pairs[0].hook, matches):
        packets = united(space, (matched(space, match) for match in wide if _holds(match, situation, family)))
        if not packets:
            continue
        before, after = (_fates([pair[at] for pair in narrow], situation, packets) for at in (0, 1))
        for sort, doubtful, some in _changes(before, after):
            for one, other, part in _blamed(before, after, some):
                told = _Told(sort, doubtful, one, other, _content(part))
                seen.setdefault(told, (part, []))[1].append(situation)
    kin = alike(pairs[0].hook, matches)
    for told, (part, where) in seen.items():
        every = tuple(replace(each, tracking=tracking) for each in where for tracking in kin[each.tracking])
        yield Alteration(told.sort, family, hook, every, part, told.doubtful, told.before, told.after)


class _Told(NamedTuple):
    """All but the situations of an alteration: what is the same in several is told once."""

    sort: Sort
    doubtful: bool
    before: Place | None
    after: Place | None
    content: _Content


_Content = tuple[tuple[int, tuple[tuple[int, int], ...]], ...]


def _content(packets: PacketSet) -> _Content:
    return tuple((major, tuple(sorted(plane.items()))) for major, plane in sorted(packets.planes.items()))


def _holds(match: Match, situation: Situation, family: Family) -> bool:
    return match.at(family, situation.entry, situation.exit) and match.tracked_as(situation.tracking)


def _fates(sides: Iterable[Side], situation: Situation, packets: PacketSet) -> _Fates:
    space = packets.space
    possible = sure = packets
    rewritten: dict[Translation | None, PacketSet] = {}
    decided = []
    for side in sides:
        outcome = prepare(space, side.table, side.chain, situation).run(packets, keep=True)
        passing = united(space, (outcome.accepted, *(some for _, some in outcome.translated)))
        possible, sure = possible & passing, sure & (passing - outcome.dropped)
        for translation, some in outcome.translated:
            rewritten[translation] = rewritten.get(translation, nothing(space)) | some
        if outcome.untracked is not None:
            rewritten[None] = rewritten.get(None, nothing(space)) | outcome.untracked
        decided.append((side, outcome.decided))
    touched = (each.packets for _, cases in decided for each in cases if each.case.match.unknown)
    return _Fates(possible, sure, rewritten, united(space, touched), tuple(decided))


def _changes(before: _Fates, after: _Fates) -> Iterator[tuple[Sort, bool, PacketSet]]:
    """Yield each sort of change, whether it is doubtful, and its packets: none that is empty."""
    opened, closed = after.sure - before.possible, before.sure - after.possible
    perhaps = (after.possible - before.sure) - opened
    yield from _some("opened", opened, perhaps)
    yield from _some("closed", closed, (before.possible - after.sure) - closed - perhaps)
    vague = before.vague | after.vague
    for translation in dict.fromkeys((*before.rewritten, *after.rewritten)):
        sorts: tuple[Sort, Sort] = ("untracked", "tracked") if translation is None else ("translated", "untranslated")
        one, other = (fates.rewritten.get(translation, nothing(vague.space)) for fates in (before, after))
        # Where both may do it and words are vague, whether both do is not known.
        doubt = one & other & vague
        yield from _some(sorts[0], other - one - vague, ((other - one) & vague) | doubt)
        yield from _some(sorts[1], one - other - vague, (one - other) & vague)


def _some(sort: Sort, certain: PacketSet, doubtful: PacketSet) -> Iterator[tuple[Sort, bool, PacketSet]]:
    for doubt, packets in ((False, certain), (True, doubtful)):
        if packets:
            yield sort, doubt, packets


def _blamed(
    before: _Fates, after: _Fates, packets: PacketSet
) -> Iterator[tuple[Place | None, Place | None, PacketSet]]:
    """Part the packets by the rule that decides them on either side."""
    others = _parts(after, packets)
    for one, part in _parts(before, packets):
        for other, smaller in others:
            if both := part & smaller:
                yield one, other, both


def _parts(fates: _Fates, packets: PacketSet) -> list[tuple[Place | None, PacketSet]]:
    """Return each place that decides some of the packets: what refuses comes before what accepts."""
    left, parts = packets, list[tuple[Place | None, PacketSet]]()
    for accepting in (False, True):
        for side, decided in fates.decided:
            for place, some in _deciding(side, decided, packets, accepting=accepting):
                part = left & some
                if part and len(parts) == MOST_BLAMED:
                    return [*parts, (MANY, left)]
                if part:
                    parts.append((place, part))
                    left -= part
    return [*parts, (None, left)] if left else parts


def _deciding(
    side: Side, decided: Iterable[Decided], packets: PacketSet, *, accepting: bool
) -> Iterator[tuple[Place, PacketSet]]:
    """Yield what accepts in one chain, or all else that decides: rules and then its policy; and which packets."""
    deciding = [each for each in decided if each.case.verdict.verb in _DECIDING]
    named = len(deciding) <= MOST_BLAMED
    for each in deciding:
        if (each.case.verdict.verb is Verb.ACCEPT) == accepting:
            label = each.case.label if named else ""
            yield replace(each.rule.place, comment=label) if label else each.rule.place, each.packets
    hook = side.chain.hook
    if hook is not None and not side.missing and (hook.policy == "accept") == accepting:
        place = Place(f"{side.table.family} {side.table.name}", side.chain.name, 0, text=f"policy {hook.policy}")
        yield place, packets - united(packets.space, (each.packets for each in deciding))
