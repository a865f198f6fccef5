"""`beffroi verify --from-captures`: what a person is told, and the exit code (whole runs: tests/lab)."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from beffroi.cli.verbs import program
from beffroi.errors import CouldNotAct
from beffroi.observe.captures import About, CaptureStore
from beffroi.verdict import Observation

pytestmark = pytest.mark.slow  # each judges the reference city

TOWN = str(Path(__file__).parents[3] / "tests" / "cases" / "hamlet")
WHEN = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(name="runs")
def _runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("BEFFROI_STATE", str(tmp_path))
    monkeypatch.setenv("BEFFROI_LANG", "en")
    runs = tmp_path / "hamlet" / "runs"
    runs.mkdir(parents=True)
    return runs


def _kept(folder: Path, *, whole: bool) -> None:
    folder.mkdir()
    store = CaptureStore.begin(folder / "captures", About(town="hamlet", started=WHEN))
    store.keep(Observation(host="log", kind="sysctl", facts=None, could_not_look="No route to host"))
    if whole:
        store.finish()


def _verify(run: str) -> Result:
    return CliRunner().invoke(program, ["verify", TOWN, "--json", "--from-captures", run], standalone_mode=False)


@pytest.mark.parametrize("run", ["latest", "nowhere", "..", "/nonexistent", "\n"])
def test_a_run_that_is_not_there_is_told_with_a_way_out(runs: Path, run: str) -> None:  # noqa: ARG001 - an empty state
    error = _verify(run).exception
    assert isinstance(error, CouldNotAct)
    assert error.hint
    assert error.exit_code == 2


@pytest.mark.parametrize("named", ["20260301T120000.000000Z", "latest", "folder"])
def test_what_nobody_could_look_at_then_is_an_error_again(runs: Path, named: str) -> None:
    folder = runs / "20260301T120000.000000Z"
    _kept(folder, whole=True)
    said = _verify(str(folder) if named == "folder" else named)
    verdicts = json.loads(said.stdout)["verdicts"]
    assert said.return_value == 2
    assert {verdict["outcome"] for verdict in verdicts} == {"error"}
    assert {v["reason"] for v in verdicts if (v["host"], v["kind"]) == ("log", "sysctl")} == {"No route to host"}


def test_a_run_that_was_cut_short_says_so_and_a_whole_one_does_not(runs: Path) -> None:
    _kept(runs / "cut", whole=False)
    _kept(runs / "whole", whole=True)
    assert "cut short" in _verify("cut").stderr
    assert "cut short" not in _verify("whole").stderr


def test_judging_again_records_no_run_and_writes_no_page(runs: Path) -> None:
    _kept(runs / "one", whole=True)
    before = sorted(runs.rglob("*"))
    _verify("one")
    assert sorted(runs.rglob("*")) == before


def test_captures_and_an_auditors_look_exclude_each_other() -> None:
    words = ["verify", "tests/cases/minimal", "--from-captures", "latest", "--read-only"]
    done = CliRunner().invoke(program, words)
    assert done.exit_code == 2
    assert "--read-only" in done.output
