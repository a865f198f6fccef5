"""Sets of whole numbers, as sorted inclusive ranges that neither overlap nor touch. Pure, standard library only."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from operator import itemgetter

Range = tuple[int, int]
"""The first and the last number of a range, both included."""

Intervals = tuple[Range, ...]
"""Sorted ranges with a gap between each two: equal sets are equal tuples."""


def normal(ranges: Iterable[Range]) -> Intervals:
    """Return the set that `ranges` cover, in any order, overlapping or not; raise ValueError for a reversed range."""
    merged: list[Range] = []
    for low, high in sorted(ranges):
        if low > high:
            raise ValueError((low, high))
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return tuple(merged)


def union(one: Intervals, other: Intervals) -> Intervals:
    """Return the numbers of either."""
    return normal((*one, *other))


def intersection(one: Intervals, other: Intervals) -> Intervals:
    """Return the numbers of both."""
    found: list[Range] = []
    i = j = 0
    while i < len(one) and j < len(other):
        low, high = max(one[i][0], other[j][0]), min(one[i][1], other[j][1])
        if low <= high:
            found.append((low, high))
        if one[i][1] < other[j][1]:
            i += 1
        else:
            j += 1
    return tuple(found)


def complement(numbers: Intervals, top: int) -> Intervals:
    """Return the numbers from 0 to `top`, included, that are not in `numbers`."""
    found: list[Range] = []
    start = 0
    for low, high in numbers:
        if low > start:
            found.append((start, low - 1))
        start = high + 1
    return (*found, (start, top)) if start <= top else tuple(found)


def difference(one: Intervals, other: Intervals) -> Intervals:
    """Return the numbers of `one` that are not in `other`."""
    return intersection(one, complement(other, one[-1][1])) if one else ()


def holds(numbers: Intervals, number: int) -> bool:
    """Tell whether `number` is in the set."""
    at = bisect_right(numbers, (number, number))
    return (at > 0 and numbers[at - 1][1] >= number) or (at < len(numbers) and numbers[at][0] == number)


def overlap(one: Intervals, other: Intervals) -> bool:
    """Tell whether some number is in both."""
    if len(one) > len(other):
        one, other = other, one
    for low, high in one:
        at = bisect_left(other, high, key=_first)
        # The last range that begins at or before `high` is the only one that may hold any of what lies below it.
        if (at < len(other) and other[at][0] == high) or (at and other[at - 1][1] >= low):
            return True
    return False


_first = itemgetter(0)
