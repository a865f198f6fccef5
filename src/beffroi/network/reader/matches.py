"""Matches put together: all of several conditions at once, and the doubt that an unread one leaves. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

from beffroi.network.firewall import BOTH, Match, State, Unknown
from beffroi.network.intervals import Intervals, intersection
from beffroi.network.services import ANY_SERVICE, Services

Alternatives = tuple[Match, ...]
"""Matches of which a packet must meet one; none at all when nothing can."""

ANYTHING: Alternatives = (Match(),)


def met(parts: Sequence[Match]) -> Match | None:
    """Return the match that asks all that the parts ask, or None when no packet can meet it."""
    parts = [part for part in parts if part is not ANYTHING[0]]
    if len(parts) <= 1:
        return parts[0] if parts else ANYTHING[0]
    families = BOTH
    source: Intervals | None = None
    destination: Intervals | None = None
    services = ANY_SERVICE
    states: frozenset[State] | None = None
    for part in parts:
        if part.families is not BOTH:
            families &= part.families
        if part.source is not None:
            source = part.source if source is None else intersection(source, part.source)
        if part.destination is not None:
            destination = part.destination if destination is None else intersection(destination, part.destination)
        if part.services is not ANY_SERVICE:
            services = part.services if services is ANY_SERVICE else _both(services, part.services)
        if part.states is not None:
            states = part.states if states is None else states & part.states
    if not families or source == () or destination == () or not services or states == frozenset():
        return None
    if not any(map(_asks_seldom, parts)):
        return Match(families, source, destination, services, states=states)
    tracked = _agreed(parts)
    return None if tracked is None else Match(families, source, destination, services, states=states, **tracked)


def _asks_seldom(part: Match) -> bool:
    """Tell whether a match asks what few do: most parts of a set's elements are an address or a port alone."""
    connected = part.direction is not None or part.dnat is not None or part.snat is not None
    return connected or bool(part.entry or part.exit or part.unknown)


def _agreed(parts: Sequence[Match]) -> dict[str, Any] | None:
    """Return the fields that parts seldom ask: interfaces, connection, doubts; None when they contradict each other."""
    agreed: dict[str, Any] = {}
    for name in ("direction", "dnat", "snat"):
        for part in parts:
            wanted = getattr(part, name)
            if wanted is not None and agreed.setdefault(name, wanted) != wanted:
                return None
    for name in ("entry", "exit", "unknown"):
        listed = [each for part in parts for each in getattr(part, name)]
        if listed:
            agreed[name] = tuple(dict.fromkeys(listed))
    return agreed


@lru_cache(maxsize=1 << 14)
def _both(one: Services, other: Services) -> Services:
    return one & other


def conjunction(*conditions: Alternatives) -> Alternatives:
    """Return the alternatives of all the conditions together."""
    first = met([condition[0] for condition in conditions if len(condition) == 1])
    held: Alternatives = () if first is None else (first,)
    for condition in conditions:
        if len(condition) != 1:
            held = tuple(both for one in held for other in condition if (both := met((one, other))) is not None)
    return held


def doubted(alternatives: Iterable[Match], doubt: Unknown) -> Alternatives:
    """Return the alternatives as ones that may match or not."""
    return tuple(replace(each, unknown=(*each.unknown, doubt)) for each in alternatives)


def certain(alternatives: Iterable[Match]) -> Alternatives:
    """Return the alternatives without their doubts: what they match at most."""
    return tuple(replace(each, unknown=()) for each in alternatives)
