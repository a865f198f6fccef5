"""The map of an activity draws the way that its data takes."""

from __future__ import annotations

import re
from datetime import date
from functools import cache
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from beffroi import declaration
from beffroi.city import City, Flow, Text
from beffroi.declaration import Declaration
from beffroi.register import build
from beffroi.register.model import Entry
from beffroi.report.activity_map import SHOWN, draw
from beffroi.report.activity_path import course

ROOT = Path(__file__).parents[3]


@cache
def town() -> Declaration:
    return declaration.load(ROOT / "inventory" / "bourg-sur-gave")


def entry_of(name: str) -> Entry:
    return next(entry for entry in build(town(), None, date(2026, 11, 26)).entries if entry.name == name)


def drawn(name: str, city: City | None = None) -> ET.Element:
    return ET.fromstring(str(draw(city or town().city, entry_of(name))))  # noqa: S314 - our own drawing


def words(svg: ET.Element) -> set[str]:
    return {element.text or "" for element in svg.iter() if element.tag == "text"}


@pytest.mark.parametrize("name", list(town().city.processing))
def test_every_map_is_sound_xml_with_a_box_for_every_store(name: str) -> None:
    svg = drawn(name)
    stores = [store for store in entry_of(name).stores if not store.copies]
    boxes = [element for element in svg.iter() if element.tag == "rect"]
    assert len(boxes) >= 3 * len(stores) + 2


def test_flows_follow_each_other_as_data_does() -> None:
    path = course(town().city, "school-canteen")
    assert [flow.name for flow in path.flows] == ["school-attendance-pilot", "portal-to-canteen", "canteen-to-records"]
    assert path.first == ("tablets",)


def test_the_flows_that_fetch_copies_are_told_by_the_copies() -> None:
    assert "copies-of-canteen" not in {flow.name for flow in course(town().city, "school-canteen").flows}
    assert {"backup", "canteen-copies"} <= words(drawn("school-canteen"))


def test_devices_that_are_called_are_where_the_data_comes_from() -> None:
    assert course(town().city, "video-protection").first == ("cameras",)


def test_footage_is_said_not_to_be_copied() -> None:
    assert "not copied" in words(drawn("video-protection"))


def test_flows_in_a_circle_are_drawn_once_each() -> None:
    city = town().city
    back = city.flows[0].model_copy(
        update={"name": "back", "source": ("db",), "destination": ("app",), "processing": "school-canteen"}
    )
    path = course(city.model_copy(update={"flows": (*city.flows, back)}), "school-canteen")
    assert sorted(flow.name for flow in path.flows) == [
        "back",
        "canteen-to-records",
        "portal-to-canteen",
        "school-attendance-pilot",
    ]


def test_hundreds_of_flows_are_cut_and_the_map_stays_small() -> None:
    city = town().city
    flow: Flow = next(each for each in city.flows if each.name == "sensors-to-collector")
    many = tuple(flow.model_copy(update={"name": f"flow-{number}"}) for number in range(300))
    svg = drawn("district-sensors", city.model_copy(update={"flows": (*city.flows, *many)}))
    named = [word for word in words(svg) if re.fullmatch(r"flow-\d+|sensors-to-collector|collector-to-.*", word)]
    assert len(named) <= SHOWN


def test_a_long_word_is_cut_and_shown_whole() -> None:
    city = town().city
    activity = city.processing["district-sensors"]
    subject = Text.model_construct(fr="x" * 60, en="x" * 60)
    changed = activity.model_copy(update={"data_subjects": (subject,)})
    svg = drawn(
        "district-sensors", city.model_copy(update={"processing": {**city.processing, "district-sensors": changed}})
    )
    assert sum(len(word) for word in words(svg) if set(word) == {"x"}) >= 21
