"""Every city under `tests/cases/bad/` gives exactly the problems that its `expected.txt` lists."""

import re
from pathlib import Path

import pytest

from beffroi.city.loader import load_city
from beffroi.errors import InvalidCity, Problem
from beffroi.messages import catalogue

BAD = Path(__file__).parents[2] / "cases" / "bad"
CASES = sorted(folder.name for folder in BAD.iterdir())


def problems_of(case: str, language: str, monkeypatch: pytest.MonkeyPatch) -> list[Problem]:
    monkeypatch.chdir(BAD / case)
    monkeypatch.setenv("BEFFROI_LANG", language)
    with pytest.raises(InvalidCity) as refused:
        load_city(Path())
    return refused.value.problems


@pytest.mark.parametrize("case", CASES)
def test_a_bad_city_gives_exactly_the_expected_problems(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    problems = problems_of(case, "en", monkeypatch)
    found = "".join(f"{problem.file}:{problem.line}: {problem.field}: {problem.reason}\n" for problem in problems)
    assert found == (BAD / case / "expected.txt").read_text("utf-8")


@pytest.mark.parametrize("case", CASES)
def test_the_same_problems_are_told_in_french_with_a_way_out(case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    english = problems_of(case, "en", monkeypatch)
    french = problems_of(case, "fr", monkeypatch)
    assert [(one.file, one.line, one.field) for one in french] == [(one.file, one.line, one.field) for one in english]
    assert not {one.reason for one in french} & {one.reason for one in english}
    assert not {one.hint for one in french} & ({one.hint for one in english} | {""})


def test_every_cross_check_is_shown_by_a_bad_city() -> None:
    lines = "".join((BAD / case / "expected.txt").read_text("utf-8") for case in CASES).splitlines()
    reasons = [line.split(": ", 2)[2] for line in lines]
    unshown = [
        key
        for key, text in catalogue("en").items()
        if key.startswith("city-") and not key.endswith("-hint")
        if not any(re.fullmatch(re.sub(r"\\\{\w+\\\}", ".+", re.escape(text)), reason) for reason in reasons)
    ]
    assert unshown == []
