"""The register opens in a real browser, in both languages, with its map, and is inert."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from chromium_reader import Reader

from beffroi import declaration
from beffroi.register import build
from beffroi.report.register_pages import pages

pytestmark = pytest.mark.chromium

ROOT = Path(__file__).parents[2]
SENSORS = "activity-district-sensors.html"
MAP_TEXTS = (
    "seen.map = [...page.querySelectorAll('.activity-map text')]"
    ".filter((each) => window.getComputedStyle(each).display !== 'none').map((each) => each.textContent);"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("register")
    town = declaration.load(ROOT / "inventory" / "bourg-sur-gave")
    for name, page in pages(build(town, None, date(2026, 11, 26)), town.city).items():
        (made / name).write_text(page, "utf-8")
    page = (made / SENSORS).read_text("utf-8")
    (made / "without-script.html").write_text(re.sub("<script>.*</script>", "", page, flags=re.DOTALL), "utf-8")
    return made


@pytest.mark.parametrize(
    ("language", "spoken", "silent"),
    [
        ("fr", "Ce qui n'a pas pu être prouvé", "What could not be proved"),
        ("en", "What could not be proved", "Ce qui n'a pas pu être prouvé"),
    ],
)
@pytest.mark.parametrize("page", ["index.html", SENSORS])
def test_the_address_chooses_the_one_language_that_shows(
    reader: Reader, page: str, language: str, spoken: str, silent: str
) -> None:
    seen = reader.look(f"{page}#{language}")
    assert (seen["language"], seen["switch"], seen["loaded"]) == (language, [language], [])
    assert spoken in seen["text"]
    assert silent not in seen["text"]


@pytest.mark.parametrize(
    ("language", "word", "other"), [("fr", "chiffré", "encrypted"), ("en", "encrypted", "chiffré")]
)
def test_the_map_speaks_one_language(reader: Reader, language: str, word: str, other: str) -> None:
    drawn = reader.look(f"{SENSORS}#{language}", MAP_TEXTS)["map"]
    assert word in drawn
    assert other not in drawn
    assert {"air-sensors", "sensors-to-collector", "district-measures", "district-copies"} <= set(drawn)


def test_no_word_of_the_map_leaves_its_box(reader: Reader) -> None:
    script = (
        "seen.out = [...page.querySelectorAll('.activity-map text:not(.head)')].filter((each) => {"
        "const box = each.getBBox(); if (!box.width) return false;"
        "return ![...page.querySelectorAll('.activity-map rect')].some((rect) => { const outer = rect.getBBox();"
        "return box.x >= outer.x && box.x + box.width <= outer.x + outer.width && box.y >= outer.y - 1"
        "&& box.y + box.height <= outer.y + outer.height + 1; }); }).map((each) => each.textContent);"
    )
    for page in ("activity-school-canteen.html", SENSORS, "activity-social-aid.html"):
        for language in ("fr", "en"):
            assert reader.look(f"{page}#{language}", script)["out"] == []


def test_a_link_keeps_the_readers_language(reader: Reader) -> None:
    script = (
        "const link = page.querySelector('article a');"
        "link.addEventListener('click', (event) => event.preventDefault());"
        "link.click(); seen.hash = link.hash;"
    )
    assert reader.look("index.html#en", script)["hash"] == "#en"


def test_without_scripts_the_switch_still_works(reader: Reader) -> None:
    seen = reader.look("without-script.html", 'page.getElementById("lang-en").checked = true;')
    assert "What could not be proved" in seen["text"]
    assert "Ce qui n'a pas pu" not in seen["text"]


def test_words_stand_out_enough_from_what_is_behind_them(reader: Reader) -> None:
    # WCAG 2.2, 1.4.3: 4.5 to 1 for text of this size.
    script = """
      const light = (text) => { const [r, g, b] = text.match(/[0-9.]+/g).slice(0, 3).map((each) => each / 255)
        .map((each) => each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
      const ratio = (one, other) => { const [a, b] = [light(one), light(other)].sort((x, y) => y - x);
        return (a + 0.05) / (b + 0.05); };
      const paper = window.getComputedStyle(page.body).backgroundColor;
      const words = [...page.querySelectorAll('td, th, small, .sign, .quiet, .lead, a')];
      seen.pale = words.filter((each) => ratio(window.getComputedStyle(each).color, paper) < 4.5).length;
      const boxes = [...page.querySelectorAll('.activity-map rect')];
      const inks = [...page.querySelectorAll('.activity-map text')].map((each) => window.getComputedStyle(each).fill);
      seen.dim = boxes.filter((box) => inks.some((ink) => ratio(ink, window.getComputedStyle(box).fill) < 4.5)).length;
    """
    seen = reader.look(f"{SENSORS}#fr", script)
    assert (seen["pale"], seen["dim"]) == (0, 0)
