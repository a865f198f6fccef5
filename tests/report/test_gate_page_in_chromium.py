"""The page on a proposed change opens in a real browser, in both languages, with and without scripts, and is inert."""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest
from chromium_reader import Reader

from beffroi.report.gate_html import html

pytestmark = pytest.mark.chromium


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, gate_specimen: ModuleType) -> Path:
    made = tmp_path_factory.mktemp("gate")
    page = html([gate_specimen.make_review(), gate_specimen.deviating(), gate_specimen.mistaken()])
    (made / "gate.html").write_text(page, "utf-8")
    (made / "without-script.html").write_text(re.sub("<script>.*</script>", "", page, flags=re.DOTALL), "utf-8")
    (made / "hostile.html").write_text(html([gate_specimen.hostile()]), "utf-8")
    return made


@pytest.mark.parametrize(
    ("language", "spoken", "silent"),
    [
        ("fr", "Ce qui fait refuser la modification", "What refuses the change"),
        ("en", "What refuses the change", "Ce qui fait refuser la modification"),
    ],
)
def test_the_address_chooses_the_one_language_that_shows(
    reader: Reader, language: str, spoken: str, silent: str
) -> None:
    seen = reader.look(f"gate.html#{language}")
    assert (seen["language"], seen["switch"], seen["loaded"]) == (language, [language], [])
    assert spoken in seen["text"]
    assert silent not in seen["text"]


def test_without_scripts_the_switch_still_works(reader: Reader) -> None:
    seen = reader.look("without-script.html", 'page.getElementById("lang-en").checked = true;')
    assert "What refuses the change" in seen["text"]
    assert "Ce qui fait refuser" not in seen["text"]


def test_a_reader_sees_the_verdict_the_place_and_the_way_out(reader: Reader, gate_specimen: ModuleType) -> None:
    text = " ".join(reader.look("gate.html#en")["text"].split())
    assert "example: refused (2 violations refuse; 2 paths open; 1 path closes;" in text
    assert "inventory/example/city.yml:26 network/ssh-through-the-bastion" in text
    assert f"→ {gate_specimen.way_out('en')}" in text


def test_hostile_names_do_nothing_in_a_browser(reader: Reader) -> None:
    # Reader.dump fails on anything that the console says, such as a script or an image that the policy refused.
    seen = reader.look("hostile.html#en", "seen.images = page.images.length; seen.scripts = page.scripts.length;")
    assert (seen["images"], seen["scripts"], seen["loaded"]) == (0, 1, [])
    assert "<script>alert('x')</script>" in seen["text"]
