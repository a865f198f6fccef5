"""The register's pages and tables say the same as the register, and nothing in them acts."""

from __future__ import annotations

import csv
import io
import re
from datetime import date
from functools import cache
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

from beffroi import declaration
from beffroi.city import City, Text
from beffroi.messages import LANGUAGES
from beffroi.register import build
from beffroi.register.model import Register
from beffroi.report.register_csv import cell, tables
from beffroi.report.register_pages import INDEX, pages

ROOT = Path(__file__).parents[3]
NASTY = "</text></svg><script>alert(1)</script>\"'><img src=x onerror=alert(1)> \x1b[2J \u202egnp =cmd|' /C calc'!A0"


@cache
def register() -> Register:
    return build(declaration.load(ROOT / "inventory" / "bourg-sur-gave"), None, date(2026, 11, 26))


@cache
def city() -> City:
    return declaration.load(ROOT / "inventory" / "bourg-sur-gave").city


@cache
def written() -> dict[str, str]:
    return pages(register(), city())


@cache
def hostile() -> dict[str, str]:
    """Every text that people write is hostile."""
    words = Text.model_construct(fr=NASTY, en=NASTY)
    town = city()
    processing = {
        name: activity.model_copy(
            update={
                "label": words,
                "purpose": words,
                "data_subjects": (words,),
                "retention": activity.retention.model_copy(update={"starts": words}),
            }
        )
        for name, activity in town.processing.items()
    }
    flows = tuple(flow.model_copy(update={"purpose": words}) for flow in town.flows)
    changed = town.model_copy(update={"processing": processing, "flows": flows})
    entries = tuple(
        entry.model_copy(
            update={
                "label": words,
                "contents": tuple(each.model_copy(update={"values": (words,)}) for each in entry.contents),
                "security": tuple(each.model_copy(update={"text": words}) for each in entry.security),
                "stores": tuple(each.model_copy(update={"label": words, "host": NASTY}) for each in entry.stores),
            }
        )
        for entry in register().entries
    )
    nasty = register().model_copy(update={"label": words, "entries": entries})
    return {**pages(nasty, changed), **tables(nasty, "fr")}


class _Outline(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.headings: list[int] = []
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))


def outline(page: str) -> _Outline:
    found = _Outline()
    found.feed(page)
    return found


def rows(name: str, language: str) -> list[dict[str, str]]:
    text = tables(register(), language)[name]
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), delimiter=";" if language == "fr" else ","))


def test_each_activity_has_its_page_and_the_index_leads_there() -> None:
    named = {f"activity-{entry.name}.html" for entry in register().entries}
    assert set(written()) == {*named, INDEX}
    assert named <= {value for tag, name, value in outline(written()[INDEX]).attributes if (tag, name) == ("a", "href")}


@pytest.mark.parametrize("page", [INDEX, "activity-district-sensors.html"])
def test_what_could_not_be_proved_is_the_first_section(page: str) -> None:
    sections = [value for tag, name, value in outline(written()[page]).attributes if (tag, name) == ("section", "id")]
    assert sections[0] == "unproved"


@pytest.mark.parametrize("page", [INDEX, "activity-social-aid.html"])
def test_headings_go_down_one_step_at_a_time(page: str) -> None:
    headings = outline(written()[page]).headings
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(headings))


@pytest.mark.parametrize("page", [INDEX, "activity-social-aid.html"])
def test_a_page_has_its_landmarks_and_every_header_cell_its_scope(page: str) -> None:
    found = outline(written()[page])
    assert [found.tags.count(tag) for tag in ("header", "nav", "main", "footer")] == [1, 1, 1, 1]
    scoped = [tag for tag, name, _ in found.attributes if (tag, name) == ("th", "scope")]
    assert len(scoped) == found.tags.count("th") > 0


@pytest.mark.parametrize("page", list(written()))
def test_no_id_stands_twice(page: str) -> None:
    ids = [value for _, name, value in outline(written()[page]).attributes if name == "id"]
    assert sorted(ids) == sorted(set(ids))


def test_a_page_asks_nothing_of_the_network() -> None:
    for page in written().values():
        assert "default-src &#39;none&#39;" in page
        asked = [value for _, name, value in outline(page).attributes if name in {"src", "data", "poster"}]
        links = [value or "" for _, name, value in outline(page).attributes if name == "href"]
        assert (asked, [link for link in links if ":" in link]) == ([], [])


def test_the_map_draws_subjects_fleets_flows_stores_retention_and_copies() -> None:
    page = written()["activity-district-sensors.html"]
    [drawing] = re.findall("<svg class=.activity-map.*?</svg>", page, re.DOTALL)
    for word in ("Inhabitants who host", "air-sensors", "sensors-to-collector", "district-measures", "6 months"):
        assert word in drawing
    assert "district-copies" in drawing


def test_a_flow_in_clear_is_marked_in_words_and_not_by_colour_alone() -> None:
    page = written()["activity-video-protection.html"]
    assert '<text class="more" lang="en"' in page
    assert ">in clear</text>" in page


def test_hostile_words_are_shown_and_do_nothing() -> None:
    for name, page in hostile().items():
        if name.endswith(".html"):
            found = outline(page)
            assert (found.tags.count("script"), found.tags.count("img")) == (1, 0)
            assert not [each for _, each, _ in found.attributes if each.startswith("on")]
            assert "\x1b" not in page
            assert "\u202e" not in page


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", " =1", "\t=1", "\r=1", "\tx", "＝1", "'=1"])  # noqa: RUF001
def test_a_cell_that_begins_like_a_formula_is_text(text: str) -> None:
    assert cell(text).startswith("'")


@pytest.mark.parametrize("text", ["", "Purge", "a=1", "2026-01-01", "l'acte"])
def test_an_ordinary_cell_stays_as_it_is(text: str) -> None:
    assert cell(text) == text


def test_no_cell_of_a_hostile_table_begins_a_formula() -> None:
    for name, text in hostile().items():
        if name.endswith(".csv"):
            for row in csv.reader(io.StringIO(text.removeprefix("\ufeff")), delimiter=";"):
                assert not [value for value in row if value.startswith(("=", "+", "-", "@", "\t", "\r"))]


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_form_has_its_table(language: str) -> None:
    assert [row[next(iter(row))] for row in rows(f"processor.{language}.csv", language)] == [
        register().of_form("processor")[0].label.of(language)
    ]
    assert len(rows(f"controller.{language}.csv", language)) == 5


def test_every_line_of_the_security_table_has_a_control_or_says_in_words_alone() -> None:
    for row in rows("security.en.csv", "en"):
        assert row["Control"] or row["Standing"] == "In words alone"


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_claims_that_the_law_is_met(language: str) -> None:
    everything = " ".join([*written().values(), *tables(register(), language).values()]).lower()
    assert not re.search(r"compliant|conforme (à|au) (la loi|rgpd)|mise? en conformité", everything)
