"""The report opens in a real browser as its readers open it: from a file, at `#fr`, at `#en`, with and without scripts.

Chromium is a requirement: without it these tests fail.
"""

from __future__ import annotations

import re
from pathlib import Path
from types import ModuleType

import pytest
from chromium_reader import Reader

from beffroi.report import html

pytestmark = pytest.mark.chromium


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, specimen: ModuleType) -> Path:
    made = tmp_path_factory.mktemp("report")
    page = html.render(specimen.make_report(controls=20))
    (made / "report.html").write_text(page, "utf-8")
    (made / "without-script.html").write_text(re.sub("<script>.*</script>", "", page, flags=re.DOTALL), "utf-8")
    return made


@pytest.mark.parametrize("language", ["fr", "en"])
def test_the_page_opens_whole_and_silent(reader: Reader, language: str) -> None:
    document = reader.dump(f"report.html#{language}")
    assert f'<html lang="{language}"' in document
    assert '<svg id="city-map"' in document
    assert '<fieldset class="languages">' in document


@pytest.mark.parametrize(
    ("language", "spoken", "silent"),
    [
        ("fr", "Ce qui n'a pas été observé", "What was not looked at"),
        ("en", "What was not looked at", "Ce qui n'a pas été observé"),
    ],
)
def test_the_address_chooses_the_one_language_that_shows(
    reader: Reader, language: str, spoken: str, silent: str
) -> None:
    seen = reader.look(f"report.html#{language}")
    assert seen["language"] == language
    assert seen["switch"] == [language]
    assert spoken in seen["text"]
    assert silent not in seen["text"]


def test_the_switch_turns_the_whole_page_and_its_title(reader: Reader) -> None:
    seen = reader.look("report.html#fr", 'page.getElementById("lang-en").click();')
    assert seen["language"] == "en"
    assert seen["title"] == "Verification report: Town of Bourg-d'Essai"
    assert "Écart" not in seen["text"]


def test_without_scripts_the_page_still_reads_and_switches(reader: Reader) -> None:
    script = 'seen.before = page.body.innerText; page.getElementById("lang-en").checked = true;'
    seen = reader.look("without-script.html", script)
    assert "Les écarts" in seen["before"]
    assert "What fails" in seen["text"]
    assert "Les écarts" not in seen["text"]


def test_nothing_is_loaded(reader: Reader) -> None:
    assert reader.look("report.html#fr")["loaded"] == []


def test_the_filter_keeps_only_the_lines_that_need_attention(reader: Reader) -> None:
    script = """
    page.getElementById("filter-lines").value = "kernel";
    page.getElementById("filter-columns").value = "edge";
    page.getElementById("filter-lines").dispatchEvent(new window.Event("input"));
    const shown = (each) => each.offsetParent !== null;
    seen.lines = [...page.querySelectorAll(".matrix tbody tr")].filter(shown).length;
    seen.columns = [...page.querySelectorAll(".matrix thead th")].filter(shown).map((each) => each.innerText);
    """
    seen = reader.look("report.html#en", script)
    assert seen["lines"] == 4
    assert seen["columns"] == ["edge"]


def test_the_keyboard_walks_the_matrix_and_every_cell_says_what_it_is(reader: Reader) -> None:
    script = """
    key(page.querySelector(".tall"), "ArrowDown");
    key(page.activeElement, "ArrowRight");
    seen.told = page.getElementById("readout").innerText;
    seen.label = page.activeElement.closest("td").getAttribute("aria-label");
    """
    seen = reader.look("report.html#en", script)
    assert seen["told"] == seen["label"]
    assert re.fullmatch(r"Requirement \d+ of accounts holds, accounts/requirement-\d+ · core — \w+", seen["told"])


def test_the_map_tells_about_the_flow_and_the_machine_that_has_the_focus(reader: Reader) -> None:
    script = """
    const told = () => page.getElementById("map-readout").innerText;
    page.querySelector('.flow[data-flow="0"]').focus();
    seen.flow = told();
    seen.lit = [...page.querySelectorAll(".node.on")].map((each) => each.dataset.node);
    page.querySelector('.node[data-node="db"]').focus();
    seen.machine = told();
    """
    seen = reader.look("report.html#en", script)
    assert "public-to-portal" in seen["flow"]
    assert "Requests for civil status certificates" in seen["flow"]
    assert sorted(seen["lit"]) == ["internet", "web"]
    assert "Database server" in seen["machine"]


def test_an_address_inside_a_folded_part_unfolds_it(reader: Reader) -> None:
    script = 'seen.open = page.getElementById("n-0").closest("details").open;'
    assert reader.look("report.html#n-0", script)["open"] is True
