"""A control is shown at the line that makes it what it is: its own file's, or the profile's."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from repositories import CHECKOUT

from beffroi import declaration
from beffroi.reviewing.controls import control_changes
from beffroi.reviewing.spots import Version

HEAD = "title: {fr: Essai, en: Trial}\n"
LISTED = 'controls: ["time/*", "ssh/few-attempts", "ssh/root-login-refused"]\n'
FEWER = 'controls: ["time/*", "ssh/few-attempts"]\n'
SET = "params:\n  ssh/few-attempts: {value: '2'}\n"
OTHERWISE = "params:\n\n  ssh/few-attempts: {value: '3'}\n"
Loads = Callable[..., Version]


@pytest.fixture(name="loads")
def _loads(tmp_path: Path) -> Loads:
    """Load the hamlet with a profile of these lines, some controls' files being gone."""
    shutil.copytree(CHECKOUT / "compliance", tmp_path / "compliance")
    shutil.copytree(CHECKOUT / "tests" / "cases" / "hamlet", tmp_path / "inventory" / "hamlet")

    def load(profile: str, *gone: str) -> Version:
        for name in gone:
            (tmp_path / "compliance" / "controls" / f"{name}.yml").unlink()
        (tmp_path / "compliance" / "profiles" / "trial.yml").write_text(HEAD + profile)
        town = tmp_path / "inventory" / "hamlet"
        return Version(declaration.load(town, root=tmp_path, profile="trial"), {}, prefix="content/")

    return load


def spots(before: Version, after: Version) -> list[str]:
    return [f"{each.sort} {each.spot}" for each in control_changes(before, after)]


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (LISTED, FEWER, "lost content/compliance/profiles/trial.yml:2"),
        (FEWER, LISTED, "gained content/compliance/profiles/trial.yml:2"),
        (LISTED, LISTED + SET, "changed content/compliance/profiles/trial.yml:4"),
        (LISTED + SET, LISTED + OTHERWISE, "changed content/compliance/profiles/trial.yml:5"),
        (LISTED + SET, LISTED, "changed content/compliance/profiles/trial.yml:1"),
    ],
    ids=["dropped", "taken in", "set", "set otherwise", "set no longer"],
)
def test_what_the_profile_does_is_shown_at_its_line(loads: Loads, before: str, after: str, told: str) -> None:
    assert spots(loads(before), loads(after)) == [told]


def test_a_control_whose_file_is_gone_is_shown_where_the_proposed_files_would_list_it(loads: Loads) -> None:
    before = loads('controls: ["*"]\n')
    after = loads('controls: ["*"]\n', "ssh/root-login-refused")
    assert spots(before, after) == ["lost content/compliance/profiles/trial.yml:2"]


def test_a_control_whose_own_file_changes_is_shown_there(loads: Loads, tmp_path: Path) -> None:
    before = loads(LISTED + SET)
    control = tmp_path / "compliance" / "controls" / "ssh" / "root-login-refused.yml"
    control.write_text(control.read_text().replace("severity: high", "severity: low"))
    assert spots(before, loads(LISTED + SET)) == ["changed content/compliance/controls/ssh/root-login-refused.yml:1"]
