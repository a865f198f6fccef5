from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(name="units")
def _units(part: Callable[[str], ModuleType], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    units = part("systemd_units")
    monkeypatch.setattr(units, "UNITS", tmp_path / "etc")
    monkeypatch.setattr(units, "RUN_TIME_UNITS", tmp_path / "run")
    return units


def test_what_systemctl_shows_is_read_as_properties(units: ModuleType) -> None:
    text = "ActiveState=active\nEnvironment=A=1 B=2\nLastTriggerUSec=\n\nnoise\n"
    assert units.properties(text) == {"ActiveState": "active", "Environment": "A=1 B=2", "LastTriggerUSec": ""}


def test_a_timer_starts_the_service_of_its_name(units: ModuleType) -> None:
    assert units.service_of("beffroi-purge-acts.timer") == "beffroi-purge-acts.service"


def test_a_timer_s_text_says_who_wrote_it_what_for_and_when_it_is_due(units: ModuleType) -> None:
    lines = units.timer_text("log_canary", "Say the canary", "hourly").splitlines()
    assert lines[0] == "# Written by the role log_canary."
    assert {"Description=Say the canary", "OnCalendar=hourly", "Persistent=true"} <= set(lines)


def test_drop_ins_of_a_timer_and_of_its_service_are_overrides(units: ModuleType, tmp_path: Path) -> None:
    wanted = [tmp_path / "etc" / "a.timer.d", tmp_path / "etc" / "a.service.d"]
    for folder in (*wanted, tmp_path / "etc" / "b.timer.d"):
        folder.mkdir(parents=True)
    assert units.overrides_of("a.timer") == wanted


def test_a_drop_in_of_others_is_strange_and_the_sandbox_is_not(units: ModuleType, tmp_path: Path) -> None:
    for place, name in (("etc", units.SANDBOX), ("etc", "theirs.conf"), ("run", "again.conf")):
        (tmp_path / place / "a.service.d").mkdir(parents=True, exist_ok=True)
        (tmp_path / place / "a.service.d" / name).touch()
    found = [path.relative_to(tmp_path).as_posix() for path in units.strange_drop_ins("a.service")]
    assert found == ["etc/a.service.d/theirs.conf", "run/a.service.d/again.conf"]


def _started(units: ModuleType, monkeypatch: pytest.MonkeyPatch, ago: float, reload: str = "no") -> None:
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    found = {"ExecMainStartTimestampMonotonic": str(int((uptime - ago) * 1e6)), "NeedDaemonReload": reload}
    monkeypatch.setattr(units, "shown", lambda *_: found)


def test_a_service_runs_what_is_on_disk_when_it_started_after_its_files_changed(
    units: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    files = [tmp_path / "settings", tmp_path / "absent"]
    files[0].touch()
    _started(units, monkeypatch, ago=-1)
    assert units.runs_what_is_on_disk("a.service", files)
    _started(units, monkeypatch, ago=3600)
    assert not units.runs_what_is_on_disk("a.service", files)


def test_a_service_whose_unit_systemd_has_not_read_does_not_run_what_is_on_disk(
    units: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    _started(units, monkeypatch, ago=time.monotonic() / 2, reload="yes")
    assert not units.runs_what_is_on_disk("a.service", [])


def test_a_service_of_which_systemd_says_nothing_does_not_run_what_is_on_disk(
    units: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(units, "shown", lambda *_: {})
    assert not units.runs_what_is_on_disk("a.service", [])
