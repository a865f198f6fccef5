"""The situations that a chain's rules tell apart: interfaces, and what conntrack knows of a packet. Pure.

Within one of them all packets with the same header fare alike, so looking at each once is looking at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import product

from .evaluate import Situation
from .firewall import Direction, Hook, Interfaces, Match, State, Tracking

OTHER = "*"
"""Stands for an interface that no rule names: no name and no prefix in a ruleset can hold it."""

CONNTRACK = -200
"""The priority at which conntrack looks at a packet (NF_IP_PRI_CONNTRACK): before it no state is known."""

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
_BEGINNING = {(State.NEW, Direction.ORIGINAL), (State.RELATED, Direction.ORIGINAL)}
_SIDES = {"prerouting": (True, False), "input": (True, False), "forward": (True, True), "output": (False, True)}


def situations(hook: Hook, matches: Sequence[Match]) -> Iterator[Situation]:
    """Yield every situation that `matches`, of a chain on `hook` and of those that it jumps to, tell apart."""
    comes, goes = _SIDES.get(hook.hook, (True, True))
    entries = _names((match.entry for match in matches), apart=comes, none=hook.hook == "postrouting")
    exits = _names((match.exit for match in matches), apart=goes, none=False)
    for entry, exit_, tracking in product(entries, exits, alike(hook, matches)):
        yield Situation(entry, exit_, tracking)


def _names(found: Iterable[tuple[Interfaces, ...]], *, apart: bool, none: bool) -> list[str]:
    if not apart:
        return [""]
    every = {each for interfaces in found for each in interfaces}
    names = {name for each in every for name in (*each.names, *(f"{prefix}*" for prefix in each.prefixes))}
    return [*sorted(names), OTHER, *([""] if none else [])]


def alike(hook: Hook, matches: Sequence[Match]) -> dict[Tracking, list[Tracking]]:
    """Return the ways of being tracked that a packet may have on `hook`, by one of those that fare alike."""
    if hook.hook in {"prerouting", "output"} and hook.priority < CONNTRACK:
        return {Tracking(State.INVALID): [Tracking(State.INVALID)]}
    found: dict[tuple[bool, ...], list[Tracking]] = {}
    distinct = {(match.states, match.direction, match.dnat, match.snat): match for match in matches}.values()
    # A nat chain is asked once a connection, by the packet that begins it (nf_nat_inet_fn).
    possible = [each for each in _TRACKINGS if hook.kind != "nat" or (each.state, each.direction) in _BEGINNING]
    for tracking in possible:
        found.setdefault(tuple(match.tracked_as(tracking) for match in distinct), []).append(tracking)
    return {each[0]: each for each in found.values()}
