"""What is promised of the controls as a whole: real ids, both languages, and enough of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from beffroi.control import Control, load_controls
from beffroi.framework import load_frameworks, unknown_ids
from beffroi.profile import load_profile

ROOT = Path(__file__).parents[2]
CONTROLS = load_controls(ROOT)
EACH = pytest.mark.parametrize("control", CONTROLS.values(), ids=CONTROLS)


def test_controls_map_to_ids_that_exist() -> None:
    assert not [str(unknown) for unknown in unknown_ids(CONTROLS, load_frameworks(ROOT))]


def test_at_least_forty_controls_answer_the_agency_guides() -> None:
    guides = {"anssi-bp-028", "anssi-openssh"}
    assert sum(bool(guides & set(control.maps)) for control in CONTROLS.values()) >= 40


def test_at_least_six_controls_protect_the_citizens_data() -> None:
    assert sum(name.startswith("data/") for name in CONTROLS) >= 6


def test_every_profile_loads() -> None:
    for path in sorted((ROOT / "compliance" / "profiles").glob("*.yml")):
        assert load_profile(ROOT, path.stem, CONTROLS)


@EACH
def test_a_control_answers_a_text(control: Control) -> None:
    assert control.maps
    assert all(control.maps.values())


@EACH
def test_a_control_speaks_two_languages(control: Control) -> None:
    assert control.title.fr != control.title.en
    assert control.rationale.fr != control.rationale.en


@EACH
def test_a_title_is_a_short_line(control: Control) -> None:
    assert max(len(control.title.fr), len(control.title.en)) <= 90
    assert not control.title.en.endswith(".")


def test_no_two_controls_bear_one_title() -> None:
    for language in ("fr", "en"):
        titles = [control.title.of(language).lower() for control in CONTROLS.values()]
        assert sorted(titles) == sorted(set(titles))


@EACH
def test_no_control_is_named_after_a_benchmark_number(control: Control) -> None:
    # `R33`, `5-2-10`: words such as `ipv6` and `x11` are names of things.
    assert not [word for word in re.split(r"[/-]", control.id) if re.fullmatch(r"[rR]?[0-9]+", word)]


@EACH
def test_a_control_holds_no_template(control: Control) -> None:
    text = (ROOT / "compliance" / "controls" / f"{control.id}.yml").read_text("utf-8")
    assert "{{" not in text
    assert "{%" not in text
