"""Which stretches two lists of rules do not share, their order kept: in linear time, not the fewest. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import NamedTuple, TypeVar

_T = TypeVar("_T")

NEAR = 12
"""How far ahead single edits are looked for, before all that follows is searched by its hash."""


class Stretch(NamedTuple):
    """What stands between two stretches that both lists share: bounds in the old list, and in the new one."""

    low: int
    high: int
    start: int
    end: int


def unaligned(old: Sequence[_T], new: Sequence[_T], key: Callable[[_T], Hashable]) -> Iterator[Stretch]:
    """Yield the stretches that two lists do not share; those with equal keys are the same."""
    at, to, index = 0, 0, dict[Hashable, list[int]]()
    while at < len(old) and to < len(new):
        if key(old[at]) == key(new[to]):
            at, to = at + 1, to + 1
            continue
        more, other = _near(old[at : at + NEAR], new[to : to + NEAR], key)
        if more is None or other is None:
            index = index or _index(new, key)
            more, other = _far(old[at:], to, index, key)
        if more is None or other is None:
            break
        yield Stretch(at, at + more, to, to + other)
        at, to = at + more, to + other
    if at < len(old) or to < len(new):
        yield Stretch(at, len(old), to, len(new))


_Found = tuple[int, int] | tuple[None, None]


def _near(old: Sequence[_T], new: Sequence[_T], key: Callable[[_T], Hashable]) -> _Found:
    """Return how many to leave out on either side for the next two to be the same: as few as can be."""
    for total in range(1, len(old) + len(new) - 1):
        for more in range(max(0, total - len(new) + 1), min(total, len(old) - 1) + 1):
            if key(old[more]) == key(new[total - more]):
                return more, total - more
    return None, None


def _index(new: Sequence[_T], key: Callable[[_T], Hashable]) -> dict[Hashable, list[int]]:
    found: dict[Hashable, list[int]] = {}
    for at, each in enumerate(new):
        found.setdefault(key(each), []).append(at)
    return found


def _far(old: Sequence[_T], to: int, index: dict[Hashable, list[int]], key: Callable[[_T], Hashable]) -> _Found:
    """Return the first of the old ones that is still to come in the new list, and how far away it is."""
    for more, each in enumerate(old):
        places = index.get(key(each), ())
        if (next_ := bisect_left(places, to)) < len(places):
            return more, places[next_] - to
    return None, None
