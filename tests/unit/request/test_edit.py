"""Entries are added to YAML without touching anything that a person wrote."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from beffroi import yamlfile
from beffroi.city.loader import load
from beffroi.request import Addition, edited, unlike

ROOT = Path(__file__).parents[3]
TOWNS = ("inventory/bourg-sur-gave", "tests/cases/hamlet", "tests/cases/minimal")
FLOW = {"name": "asked", "from": "a", "to": ["b", "c"], "service": "ssh", "purpose": {"fr": "x: # y", "en": '"z"'}}


def texts(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text("utf-8") for path in folder.glob("*.yml")}


def added(folder: Path, *additions: Addition) -> dict[str, str]:
    found = edited(load(folder, shown_as="."), texts(folder), additions)
    return {each.name: each.after for each in found}


def value_of(text: str, tmp_path: Path) -> Any:  # noqa: ANN401 - whatever the file holds
    path = tmp_path / "read.yml"
    path.write_text(text, "utf-8")
    return yamlfile.read(path, shown_as="read.yml").value


def town_with(tmp_path: Path, find: str, replace: str) -> Path:
    folder = tmp_path / "town"
    shutil.copytree(ROOT / "tests" / "cases" / "minimal", folder)
    path = folder / "city.yml"
    text = path.read_text("utf-8")
    assert find in text
    path.write_text(text.replace(find, replace, 1), "utf-8")
    return folder


@pytest.mark.parametrize("town", TOWNS)
def test_additions_change_nothing_else(town: str, tmp_path: Path) -> None:
    folder = ROOT / town
    city = load(folder).city
    host = next(iter(city.hosts))
    additions = [
        Addition(("flows",), None, FLOW),
        Addition(("services",), "asked", {"protocol": "tcp", "ports": [9999], "encrypted": True}),
        Addition(("hosts", host, "services"), None, "asked"),
        Addition(
            ("hosts", host, "stores"), "asked", {"label": {"fr": "x", "en": "x"}, "path": "/srv/x", "mode": "0700"}
        ),
        Addition(("fleets",), "asked", {"ipv4": "10.0.0.0/24", "ipv6": "2001:db8::/64", "count": 3}),
        Addition(("processing",), "asked", {"retention": {"duration": "6 months", "starts": {"fr": "x", "en": "y"}}}),
    ]
    for edit in edited(load(folder, shown_as="."), texts(folder), additions):
        before, after = value_of(edit.before, tmp_path), value_of(edit.after, tmp_path)
        assert not unlike(before, after, edit.additions)
        assert set(edit.before.splitlines()) - set(edit.after.splitlines()) <= {
            line for line in edit.before.splitlines() if "services: [" in line
        }


def test_comments_and_blank_lines_stay(tmp_path: Path) -> None:
    folder = town_with(tmp_path, "processing:\n", "# why\n\nprocessing:  # here\n")
    text = added(folder, Addition(("flows",), None, FLOW))["city.yml"]
    assert "    until: 2026-12-31\n  - name: asked\n" in text
    assert "\n# why\n\nprocessing:  # here\n" in text


def test_a_list_between_brackets_gains_a_word(tmp_path: Path) -> None:
    folder = town_with(tmp_path, "    services: [https]\n    stores", "    services: [https ]  # one\n    stores")
    text = added(folder, Addition(("hosts", "records", "services"), None, "ssh"))["city.yml"]
    assert "services: [https, ssh ]  # one" in text


def test_a_list_on_lines_of_its_own_gains_a_line(tmp_path: Path) -> None:
    folder = town_with(tmp_path, "    services: [https]\n    stores", "    services:\n    - https\n    stores")
    text = added(folder, Addition(("hosts", "records", "services"), None, "ssh"))["city.yml"]
    assert "    services:\n    - https\n    - ssh\n    stores" in text


def test_a_section_that_is_nowhere_is_begun(tmp_path: Path) -> None:
    # The flow of the fleet goes with the fleet.
    text = (ROOT / "tests" / "cases" / "minimal" / "city.yml").read_text("utf-8")
    start, end = text.index("fleets:"), text.index("flows:")
    flow_start, flow_end = text.index("  - name: requests-from-desks"), text.index("  - name: ping-servers")
    folder = tmp_path / "town"
    folder.mkdir()
    (folder / "city.yml").write_text(text[:start] + text[end:flow_start] + text[flow_end:], "utf-8")
    written = added(folder, Addition(("fleets",), "poles", {"count": 3}))["city.yml"]
    assert written.endswith("\n\nfleets:\n  poles:\n    count: 3\n")


def test_an_entry_goes_to_the_file_where_its_like_are() -> None:
    found = added(ROOT / "inventory" / "bourg-sur-gave", Addition(("processing",), "asked", {"stores": ["x"]}))
    assert list(found) == ["processing.yml"]


def test_a_file_without_a_last_line_feed_gains_one(tmp_path: Path) -> None:
    folder = town_with(tmp_path, "# The smallest", "# The smallest")
    path = folder / "city.yml"
    path.write_text(path.read_text("utf-8").rstrip("\n"), "utf-8")
    text = added(folder, Addition(("processing",), "asked", {"stores": ["x"]}))["city.yml"]
    assert text.endswith("[{fr: Accès nominatif, en: Named access}]\n  asked:\n    stores: [x]\n")


def test_windows_line_ends_stay(tmp_path: Path) -> None:
    folder = town_with(tmp_path, "# The smallest", "# The smallest")
    text = texts(folder)["city.yml"].replace("\n", "\r\n")
    [edit] = edited(load(folder, shown_as="."), {"city.yml": text}, [Addition(("flows",), None, FLOW)])
    assert edit.after.count("\n") == edit.after.count("\r\n")


def test_an_entry_goes_after_a_text_of_several_lines(tmp_path: Path) -> None:
    folder = town_with(tmp_path, "    until: 2026-12-31\n", "    until: >-\n      2026-12-31\n\n\n")
    text = added(folder, Addition(("flows",), None, FLOW))["city.yml"]
    assert "      2026-12-31\n  - name: asked\n" in text


@pytest.mark.parametrize(
    "words",
    [
        "no",
        "12:30",
        "0750",
        "a: b",
        "# x",
        "- x",
        "{x}",
        "'x",
        '"x"',
        "é\\n",
        "true",
        "null",
        "*a",
        "&a",
        "!x",
        "%x",
        "x ",
    ],
)
def test_a_text_is_read_back_as_it_was(words: str, tmp_path: Path) -> None:
    folder = ROOT / "tests" / "cases" / "minimal"
    for value in ({"label": {"fr": words, "en": words}}, {"impact_assessment": words}):
        text = added(folder, Addition(("processing",), "asked", value))["city.yml"]
        assert value_of(text, tmp_path)["processing"]["asked"] == value


def test_a_value_that_is_lost_is_seen() -> None:
    before = {"flows": [1], "town": {"name": "x"}}
    assert unlike(before, {"flows": [1, 2]}, [Addition(("flows",), None, 2)])
    assert not unlike(before, {**before, "flows": [1, 2]}, [Addition(("flows",), None, 2)])
