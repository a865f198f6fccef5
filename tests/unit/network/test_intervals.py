from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beffroi.network.intervals import Intervals, complement, difference, holds, intersection, normal, union

TOP = 30
RANGES = st.lists(
    st.tuples(st.integers(0, TOP), st.integers(0, TOP)).map(lambda pair: (min(pair), max(pair))), max_size=6
)
SETS = RANGES.map(normal)


def _members(numbers: Intervals) -> set[int]:
    return {number for low, high in numbers for number in range(low, high + 1)}


@given(RANGES)
def test_a_set_has_the_numbers_of_its_ranges_and_gaps_between(ranges: list[tuple[int, int]]) -> None:
    numbers = normal(ranges)
    assert _members(numbers) == _members(tuple(ranges))
    assert all(one[1] + 1 < other[0] for one, other in pairwise(numbers))


@given(SETS, SETS)
def test_sets_are_united_met_and_subtracted_as_python_does(one: Intervals, other: Intervals) -> None:
    assert _members(union(one, other)) == _members(one) | _members(other)
    assert _members(intersection(one, other)) == _members(one) & _members(other)
    assert _members(difference(one, other)) == _members(one) - _members(other)


@given(SETS)
def test_a_complement_has_all_the_others(numbers: Intervals) -> None:
    assert _members(complement(numbers, TOP)) == set(range(TOP + 1)) - _members(numbers)
    assert complement(complement(numbers, TOP), TOP) == numbers


@given(SETS, st.integers(0, TOP))
def test_a_number_is_held_exactly_when_a_range_has_it(numbers: Intervals, number: int) -> None:
    assert holds(numbers, number) == (number in _members(numbers))


def test_a_reversed_range_is_refused() -> None:
    with pytest.raises(ValueError, match="5"):
        normal([(5, 4)])
