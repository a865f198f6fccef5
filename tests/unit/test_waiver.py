"""Every file under `tests/cases/bad_waivers/` gives exactly the problems that its `expected.txt` lists."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from beffroi.cli import program
from beffroi.errors import InvalidCity, Problem
from beffroi.waiver import json_schema, load_waivers

ROOT = Path(__file__).parents[2]
BAD = ROOT / "tests" / "cases" / "bad_waivers"
CASES = sorted(folder.name for folder in BAD.iterdir())
ONE = """\
waivers:
  - policy: flows/one
    subject: pilot
    owner: it
    approver: dpo
    reason: {fr: Pilote, en: Pilot}
    until: 2026-06-30
    compensating: Watched by hand
"""


def _problems(folder: Path, language: str, monkeypatch: pytest.MonkeyPatch) -> list[Problem]:
    monkeypatch.setenv("BEFFROI_LANG", language)
    with pytest.raises(InvalidCity) as refused:
        load_waivers(folder, shown_as="waivers.yml")
    return refused.value.problems


def _town(folder: Path, waivers: str) -> Path:
    town = shutil.copytree(ROOT / "inventory" / "bourg-sur-gave", folder / "town")
    (town / "waivers.yml").write_text(waivers, "utf-8")
    return town


@pytest.mark.parametrize("case", CASES)
def test_a_bad_file_gives_exactly_the_expected_problems(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    problems = _problems(BAD / case, "en", monkeypatch)
    found = "".join(f"{problem.file}:{problem.line}: {problem.field}: {problem.reason}\n" for problem in problems)
    assert found == (BAD / case / "expected.txt").read_text("utf-8")


@pytest.mark.parametrize("case", CASES)
def test_the_same_problems_are_told_in_french_with_a_way_out(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    english = _problems(BAD / case, "en", monkeypatch)
    french = _problems(BAD / case, "fr", monkeypatch)
    assert [(one.line, one.field) for one in french] == [(one.line, one.field) for one in english]
    assert not {one.reason for one in french} & {one.reason for one in english}
    assert not {one.hint for one in french} & ({one.hint for one in english} | {""})


def test_a_town_without_the_file_waives_nothing(tmp_path: Path) -> None:
    assert load_waivers(tmp_path, shown_as="waivers.yml") == ((), None)


def test_a_waiver_counts_until_its_last_day(tmp_path: Path) -> None:
    (tmp_path / "waivers.yml").write_text(ONE, "utf-8")
    [waiver] = load_waivers(tmp_path, shown_as="waivers.yml")[0]
    assert waiver.counts(date(2026, 6, 30))
    assert not waiver.counts(date(2026, 7, 1))


def test_the_lines_of_a_waiver_are_known(tmp_path: Path) -> None:
    (tmp_path / "waivers.yml").write_text(ONE, "utf-8")
    document = load_waivers(tmp_path, shown_as="waivers.yml")[1]
    assert document is not None
    assert document.lines["waivers", 0, "until"] == 7


def test_a_huge_file_is_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "waivers.yml").write_text("waivers: [" + "x," * 1_100_000 + "]", "utf-8")
    [problem] = _problems(tmp_path, "en", monkeypatch)
    assert "MB" in problem.reason


def test_the_check_of_a_town_reports_its_waivers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    town = _town(tmp_path, ONE.replace("until: 2026-06-30", "until: some day")).relative_to(tmp_path)
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(program, ["check", str(town), "--root", str(ROOT)])
    assert isinstance(result.exception, InvalidCity)
    assert [(it.file, it.line, it.field) for it in result.exception.problems] == [
        (f"{town}/waivers.yml", 7, "waivers.0.until")
    ]


def test_the_schema_is_a_valid_schema() -> None:
    Draft202012Validator.check_schema(json_schema())


def test_the_schema_is_printed_for_editors() -> None:
    assert json.loads(CliRunner().invoke(program, ["schema", "--waivers"]).output) == json_schema()


@pytest.mark.parametrize(("change", "valid"), [({}, True), ({"control": "ssh/root"}, False), ({"extra": 1}, False)])
def test_the_schema_says_what_a_waiver_is(change: dict[str, object], *, valid: bool) -> None:
    waiver = {"policy": "flows/one", "subject": "pilot", "owner": "it", "approver": "dpo", "compensating": "x"}
    waiver |= {"reason": {"fr": "x", "en": "x"}, "until": "2026-06-30"} | change  # type: ignore[dict-item]
    assert Draft202012Validator(json_schema()).is_valid({"waivers": [waiver]}) is valid
