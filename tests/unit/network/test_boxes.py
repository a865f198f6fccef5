from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beffroi.network.boxes import FlowBox, disjoint
from beffroi.network.services import TCP, UDP

_WIDEST = 7


@st.composite
def _ranges(draw: st.DrawFn) -> tuple[int, int]:
    low = draw(st.integers(0, _WIDEST))
    return low, draw(st.integers(low, _WIDEST))


_BOXES = st.builds(FlowBox, _ranges(), _ranges(), st.sampled_from([TCP, UDP]), _ranges())


def _points(box: FlowBox) -> set[tuple[int, int, int, int]]:
    sides = [range(low, high + 1) for low, high in (box.source, box.destination, box.ports)]
    return {(one, other, port, box.protocol) for one in sides[0] for other in sides[1] for port in sides[2]}


@given(st.lists(_BOXES, max_size=6))
def test_disjoint_boxes_hold_the_same_packets_each_once(boxes: list[FlowBox]) -> None:
    found = [_points(each.box) for each in disjoint((f"f{number}", box) for number, box in enumerate(boxes))]
    assert sum(map(len, found)) == len(set().union(*found))
    assert set().union(*found) == set().union(*map(_points, boxes))


@given(st.lists(_BOXES, max_size=6))
def test_every_flow_named_by_a_box_opens_all_of_it(boxes: list[FlowBox]) -> None:
    wanted = {f"f{number}": box for number, box in enumerate(boxes)}
    for each in disjoint(wanted.items()):
        assert all(_points(each.box) <= _points(wanted[name]) for name in each.flows)


def test_flows_that_open_the_same_box_share_it() -> None:
    box = FlowBox((1, 1), (2, 2), TCP, (22, 22))
    assert [each.flows for each in disjoint([("one", box), ("other", box), ("one", box)])] == [("one", "other")]


@pytest.mark.parametrize("protocol", [TCP, UDP])
def test_boxes_that_only_touch_stay_whole(protocol: int) -> None:
    boxes = [FlowBox((1, 1), (2, 2), protocol, (20, 29)), FlowBox((1, 1), (2, 2), protocol, (30, 39))]
    assert [each.box for each in disjoint(zip("ab", boxes, strict=True))] == boxes
