from pathlib import Path

import pytest

from beffroi.errors import MissingTool
from beffroi.pulumi_cli import PULUMI_VERSION, find_pulumi

NEW_ENOUGH = "v" + ".".join(map(str, PULUMI_VERSION))


@pytest.fixture(autouse=True)
def _bare_computer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("BEFFROI_PULUMI", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", str(tmp_path / "path"))


def a_pulumi(place: Path, version: str) -> Path:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(f"#!/bin/sh\necho {version}\n")
    place.chmod(0o755)
    return place


def test_the_one_on_path_comes_before_the_users_own(tmp_path: Path) -> None:
    on_path = a_pulumi(tmp_path / "path/pulumi", NEW_ENOUGH)
    a_pulumi(tmp_path / "home/.pulumi/bin/pulumi", NEW_ENOUGH)
    assert find_pulumi() == on_path


def test_the_one_named_in_the_environment_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    a_pulumi(tmp_path / "path/pulumi", NEW_ENOUGH)
    named = a_pulumi(tmp_path / "named/pulumi", NEW_ENOUGH)
    monkeypatch.setenv("BEFFROI_PULUMI", str(named))
    assert find_pulumi() == named


@pytest.mark.parametrize("version", ["v3.258.9", "v2.999.0", "v4.0.0", "", "nonsense"])
def test_one_that_does_not_go_with_the_sdk_is_passed_over(tmp_path: Path, version: str) -> None:
    a_pulumi(tmp_path / "path/pulumi", version)
    users_own = a_pulumi(tmp_path / "home/.pulumi/bin/pulumi", "v3.300.0")
    assert find_pulumi() == users_own


def test_without_any_the_error_says_what_brings_one() -> None:
    with pytest.raises(MissingTool) as caught:
        find_pulumi()
    assert "scripts/setup" in str(caught.value.hint)
