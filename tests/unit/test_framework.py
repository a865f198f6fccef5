from collections.abc import Callable
from pathlib import Path

import pytest

from beffroi.city import Text
from beffroi.control import Control, Severity
from beffroi.errors import InvalidCity
from beffroi.framework import Framework, Sight, UnknownId, coverage, load_frameworks, unknown_ids

ROOT = Path(__file__).parents[2]
SIZES = {"anssi-bp-028": 80, "anssi-hygiene": 42, "anssi-openssh": 31}

GUIDE = """
title: {fr: Guide, en: Guide}
publisher: Nobody
edition: "1"
status: recommendation
as_of: 2026-01-01
source: https://guide.example
levels:
  low: {fr: bas, en: low}
  high: {fr: haut, en: high}
requirements:
  1: {title: {fr: a, en: a}, level: low, seen_in: [host]}
  2: {title: {fr: b, en: b}, level: low, seen_in: [model, people]}
  3: {title: {fr: c, en: c}, level: high, seen_in: [people]}
"""


@pytest.fixture(name="write_guide")
def _write_guide(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        folder = tmp_path / "compliance" / "frameworks"
        folder.mkdir(parents=True)
        (folder / "guide.yml").write_text(text, encoding="utf-8")
        return tmp_path

    return write


def _controls(**maps: dict[str, tuple[str | int, ...]]) -> dict[str, Control]:
    text = Text(fr="x", en="x")
    return {
        name: Control(id=name, title=text, rationale=text, severity=Severity.LOW, kind="file_mode", maps=mapped)
        for name, mapped in maps.items()
    }


@pytest.fixture(name="published", scope="module")
def _published() -> dict[str, Framework]:
    return load_frameworks(ROOT)


@pytest.mark.parametrize("name", SIZES)
def test_a_published_framework_has_all_its_requirements(published: dict[str, Framework], name: str) -> None:
    assert len(published[name].requirements) == SIZES[name]


def test_the_rgpd_has_its_articles_and_every_testable_subject(published: dict[str, Framework]) -> None:
    subjects = {f"G{number:02}" for number in range(1, 49)}
    assert subjects | {"5(1)(e)", "25(1)", "30(1)(g)", "32(1)(a)", "32(1)(b)"} <= set(published["rgpd"].requirements)


def test_no_title_is_left_in_one_language_for_both(published: dict[str, Framework]) -> None:
    titles = [it.title for framework in published.values() for it in framework.requirements.values()]
    same = {title.en for title in titles if title.fr == title.en}
    assert same <= {"Minimisation", "Pseudonymisation"}


def test_coverage_names_the_controls_that_reach_each_requirement(write_guide: Callable[[str], Path]) -> None:
    frameworks = load_frameworks(write_guide(GUIDE))
    reached = coverage(_controls(first={"guide": (1,)}, second={"guide": ("1",)}), frameworks)["guide"].reached
    assert reached == {"1": ("first", "second")}


def test_what_people_alone_can_tell_is_no_missing_control(write_guide: Callable[[str], Path]) -> None:
    covered = coverage(_controls(first={"guide": (1,)}), load_frameworks(write_guide(GUIDE)))["guide"]
    assert (covered.unreached, covered.beyond_machines) == (("2",), ("3",))


def test_coverage_counts_by_level(write_guide: Callable[[str], Path]) -> None:
    covered = coverage(_controls(first={"guide": (1, 3)}), load_frameworks(write_guide(GUIDE)))["guide"]
    assert covered.by_level() == {"low": (1, 2), "high": (1, 1)}


def test_mappings_to_nothing_are_found(write_guide: Callable[[str], Path]) -> None:
    controls = _controls(good={"guide": (1,)}, wrong={"guide": (9,), "elsewhere": ("R1",)})
    found = unknown_ids(controls, load_frameworks(write_guide(GUIDE)))
    assert found == [UnknownId("wrong", "elsewhere", "R1"), UnknownId("wrong", "guide", "9")]


def test_a_mapping_to_nothing_counts_for_no_coverage(write_guide: Callable[[str], Path]) -> None:
    covered = coverage(_controls(wrong={"guide": (9,)}), load_frameworks(write_guide(GUIDE)))["guide"]
    assert covered.reached == {}


def test_a_level_that_the_framework_lacks_is_located(write_guide: Callable[[str], Path]) -> None:
    with pytest.raises(InvalidCity) as caught:
        load_frameworks(write_guide(GUIDE.replace("level: high", "level: higher")))
    [problem] = caught.value.problems
    assert (problem.file, problem.line, problem.field) == (
        "compliance/frameworks/guide.yml",
        14,
        "requirements.3.level",
    )


def test_a_requirement_that_nobody_can_see_is_refused(write_guide: Callable[[str], Path]) -> None:
    with pytest.raises(InvalidCity, match="seen_in"):
        load_frameworks(write_guide(GUIDE.replace("[host]", "[]")))


def test_hardware_is_beyond_machines(published: dict[str, Framework]) -> None:
    requirement = published["anssi-bp-028"].requirements["R1"]
    assert (requirement.seen_in, requirement.machines_can_tell) == ((Sight.HARDWARE,), False)
