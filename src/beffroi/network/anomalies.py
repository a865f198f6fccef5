"""Rules that do nothing, and flows that nobody uses: what a reviewer would ask about, without false alarms. Pure.

A rule is looked at in every situation in which it may hold: both families, each interface that the chain tells apart,
each way of being tracked. Only what is certain is said: a case with unknown words is never called shadowed, nor does
it shadow another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import product

from .evaluate import Situation, prepare
from .firewall import Case, Chain, Direction, Family, Firewall, Match, Place, Rule, State, Table, Tracking, Verb
from .packets import box
from .space import Space, space_of
from .town import FAMILIES

_OTHER = "*"
"""Stands for an interface that no rule names: no name and no prefix in a ruleset can hold it."""
_TRACKINGS = (
    *(
        Tracking(state, way, dnat=dnat, snat=snat)
        for state, way in (
            (State.NEW, Direction.ORIGINAL),
            (State.ESTABLISHED, Direction.ORIGINAL),
            (State.ESTABLISHED, Direction.REPLY),
            (State.RELATED, Direction.ORIGINAL),
            (State.RELATED, Direction.REPLY),
        )
        for dnat, snat in product((False, True), repeat=2)
    ),
    Tracking(State.INVALID),
    Tracking(State.UNTRACKED),
)
_SIDES = {"prerouting": (True, False), "input": (True, False), "forward": (True, True), "output": (False, True)}


class Sort(StrEnum):
    """`never`: no packet can match it. `shadowed`: earlier rules decide all that it matches."""

    NEVER = "never"
    SHADOWED = "shadowed"


@dataclass(frozen=True)
class Anomaly:
    """A rule, or one element of its set (`label`), that does nothing."""

    sort: Sort
    place: Place
    label: str


def anomalies(firewall: Firewall) -> list[Anomaly]:
    """Return the cases of a firewall's filter chains that do nothing, in the order of the rules."""
    seen: set[tuple[int, int]] = set()
    possible: set[tuple[int, int]] = set()
    reached: dict[int, Rule] = {}
    for family in FAMILIES:
        space = space_of(family, _matches(firewall))
        for table, chain in _filters(firewall, family):
            rules = list(_below(table, chain))
            reached |= {id(rule): rule for rule in rules}
            possible |= {key for rule in rules for key, case in _cases(rule) if _can_match(space, case.match)}
            for situation in _situations(chain, rules):
                outcome = prepare(space, table, chain, situation).run(box(space), keep=True)
                seen |= {(id(each.rule), each.rule.cases.index(each.case)) for each in outcome.decided}
    return [
        Anomaly(Sort.SHADOWED if key in possible else Sort.NEVER, rule.place, case.label)
        for rule in reached.values()
        for key, case in _cases(rule)
        if key not in seen and not case.match.unknown and case.verdict.verb is not Verb.CONTINUE
    ]


def unused(running: Mapping[str, object]) -> list[str]:
    """Return the flows whose every counter, on every machine, stands at zero; they may be unused, or just young.

    `running` holds each machine's `nft -j list ruleset` document; elements of our own sets count and name their flows.
    """
    packets: dict[str, int] = {}
    for document in running.values():
        for names, count in _counted(document):
            for name in names:
                packets[name] = packets.get(name, 0) + count
    return sorted(name for name, count in packets.items() if count == 0)


def _counted(document: object) -> Iterator[tuple[list[str], int]]:
    listed = document.get("nftables", []) if isinstance(document, dict) else []
    for entry in listed:
        for written in entry.get("set", {}).get("elem", ()):
            element = written.get("elem") if isinstance(written, dict) else None
            counter = element.get("counter") if isinstance(element, dict) else None
            if isinstance(counter, dict) and isinstance(element, dict) and "comment" in element:
                # What the comment had no room for is a count, ` +2`, and no flow's name.
                yield str(element["comment"]).partition(" +")[0].split(", "), int(counter.get("packets", 0))


def _filters(firewall: Firewall, family: Family) -> Iterator[tuple[Table, Chain]]:
    for hook in (*_SIDES, "postrouting"):
        for table, chain in firewall.hooked(hook, family):
            if chain.hook is not None and chain.hook.kind != "nat":
                yield table, chain


def _below(table: Table, chain: Chain) -> Iterator[Rule]:
    """Yield the rules of a chain and of those that it jumps to, each once."""
    waiting, known = [chain.name], set()
    while waiting:
        name = waiting.pop()
        if name in known:
            continue
        known.add(name)
        for rule in table.chains[name].rules:
            yield rule
            waiting += [case.verdict.chain for case in rule.cases if case.verdict.chain]


def _matches(firewall: Firewall) -> Iterator[Match]:
    """Yield every match as it stands: no rule is read mirrored here, and mirrors would cut the space much finer."""
    for table in firewall.tables:
        for chain in table.chains.values():
            yield from (case.match for rule in chain.rules for case in rule.cases)


def _cases(rule: Rule) -> Iterator[tuple[tuple[int, int], Case]]:
    for number, case in enumerate(rule.cases):
        yield (id(rule), number), case


def _can_match(space: Space, match: Match) -> bool:
    return space.family in match.families and bool(match.services) and () not in (match.source, match.destination)


def _situations(chain: Chain, rules: Iterable[Rule]) -> Iterator[Situation]:
    """Yield every situation that the rules tell apart on the chain's hook."""
    matches = [case.match for rule in rules for case in rule.cases]
    hook = chain.hook.hook if chain.hook is not None else ""
    comes, goes = _SIDES.get(hook, (True, True))
    entries = _names((match.entry for match in matches), apart=comes, none=hook == "postrouting")
    exits = _names((match.exit for match in matches), apart=goes, none=False)
    early = hook in {"prerouting", "output"} and chain.hook is not None and chain.hook.priority < -200  # noqa: PLR2004 - conntrack's
    for entry, exit_, tracking in product(entries, exits, (Tracking(State.INVALID),) if early else _told(matches)):
        yield Situation(entry, exit_, tracking)


def _names(found: Iterable[tuple[object, ...]], *, apart: bool, none: bool) -> list[str]:
    if not apart:
        return [""]
    names = {
        name
        for interfaces in found
        for each in interfaces
        for name in (*getattr(each, "names", ()), *(f"{prefix}*" for prefix in getattr(each, "prefixes", ())))
    }
    return [*sorted(names), _OTHER, *([""] if none else [])]


def _told(matches: list[Match]) -> list[Tracking]:
    """Return the ways of being tracked that the matches tell apart: one of each that fare alike."""
    alike: dict[tuple[bool, ...], Tracking] = {}
    for tracking in _TRACKINGS:
        alike.setdefault(tuple(match.tracked_as(tracking) for match in matches), tracking)
    return list(alike.values())
