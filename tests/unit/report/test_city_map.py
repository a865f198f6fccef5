"""The map shows the whole declared town, and the same town always gives the same map."""

from __future__ import annotations

from itertools import combinations
from types import ModuleType
from xml.etree.ElementTree import Element, fromstring

from beffroi.report.city_map import draw, shorten
from beffroi.report.layout import SHOWN_IN_SEGMENT, WIDTH, Box, lay_out
from beffroi.verdict import Outcome


def overlap(one: Box, other: Box) -> bool:
    return not (
        one.x + one.width <= other.x
        or other.x + other.width <= one.x
        or one.y + one.height <= other.y
        or other.y + other.height <= one.y
    )


def drawn(specimen: ModuleType, hosts: int = 3, **changes: object) -> Element:
    return fromstring(draw(specimen.make_city(hosts, **changes), {"web": Outcome.FAIL}))  # noqa: S314 - our own text


def nodes(svg: Element) -> set[str | None]:
    return {group.get("data-node") for group in svg.iter("g") if group.get("data-node")}


def test_every_segment_machine_and_fleet_is_drawn(specimen: ModuleType) -> None:
    city = specimen.make_city()
    assert nodes(drawn(specimen)) == {*city.segments, *city.machines(), *city.fleets}


def test_nothing_hides_anything_else_nor_leaves_the_sheet(specimen: ModuleType) -> None:
    layout = lay_out(specimen.make_city(40))
    for boxes in (layout.segments, layout.zones, layout.chips, layout.gateways):
        assert not [pair for pair in combinations(boxes.values(), 2) if overlap(*pair)]
        assert all(box.x >= 0 and box.x + box.width <= WIDTH for box in boxes.values())
        assert all(box.y + box.height <= layout.height for box in boxes.values())


def test_every_flow_is_an_arrow(specimen: ModuleType) -> None:
    arrows = [path.get("data-ends") for path in drawn(specimen).iter("path") if path.get("class") == "arrow"]
    assert arrows == ["internet web", "townhall web", "bastion web", "edge bastion"]


def test_a_flow_that_does_not_encrypt_is_marked(specimen: ModuleType) -> None:
    clear = [group.get("data-flow") for group in drawn(specimen).iter("g") if "clear" in str(group.get("class"))]
    assert clear == ["3"]


def test_a_crowded_segment_counts_in_words_the_machines_that_it_cannot_draw(specimen: ModuleType) -> None:
    svg = drawn(specimen, hosts=1000)
    said = [element.text for element in svg.iter("tspan") if element.get("lang") == "en"]
    assert f"and {998 - SHOWN_IN_SEGMENT} more" in said


def test_an_arrow_to_a_machine_that_is_not_drawn_meets_its_segment(specimen: ModuleType) -> None:
    flow = {"name": "a", "from": "web", "to": "server-900", "service": "ssh", "purpose": specimen.text("a", "a")}
    svg = drawn(specimen, hosts=1000, flows=[flow])
    assert [path for group in svg.iter("g") if group.get("data-flow") for path in group]


def test_a_machine_bears_the_sign_of_its_gravest_outcome(specimen: ModuleType) -> None:
    web = next(group for group in drawn(specimen).iter("g") if group.get("data-node") == "web")
    assert [text.text for text in web.iter("text") if "o-fail" in str(text.get("class"))] == ["✗"]


def test_the_same_town_gives_the_same_map(specimen: ModuleType) -> None:
    assert draw(specimen.make_city(), {}) == draw(specimen.make_city(), {})


def test_a_long_name_is_cut_and_says_so() -> None:
    assert shorten("a" * 63, 20) == "a" * 19 + "…"
