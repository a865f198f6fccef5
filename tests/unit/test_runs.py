from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from beffroi.errors import CouldNotAct
from beffroi.runs import Run, begin, captures, latest, save
from beffroi.state import StackState
from beffroi.verdict import Capture, Observation, Outcome, Verdict

START = datetime(2026, 3, 1, 12, 0, 0, 5, UTC)


@pytest.fixture(name="state")
def _state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> StackState:
    monkeypatch.setenv("BEFFROI_STATE", str(tmp_path))
    return StackState("bourg")


def _run(minutes: int = 0, *, said: str = "ok") -> Run:
    capture = Capture(host="db", command="true", stdout=said, stderr="", exit_code=0, when=START)
    seen = Observation(host="db", kind="sysctl", facts={"said": said}, captures=(capture,))
    verdict = Verdict(host="db", control="c", kind="sysctl", outcome=Outcome.PASS)
    start = START + timedelta(minutes=minutes)
    return Run(town="bourg", started=start, finished=start, plan_digest="d", observations=(seen,), verdicts=(verdict,))


def test_a_run_is_read_back_as_it_was(state: StackState) -> None:
    save(state, _run())
    assert latest(state)[1] == _run()


@pytest.mark.parametrize("said", ["\x1b[2J\x00\r\n", "é\u202e\U0001f600", "\udc80\ud800"], ids=ascii)
def test_a_run_keeps_whatever_a_host_said(state: StackState, said: str) -> None:
    save(state, _run(said=said))
    assert latest(state)[1].observations[0].facts == {"said": said}


def test_the_latest_run_is_the_one_that_started_last(state: StackState) -> None:
    for minutes in (10, 30, 20):
        save(state, _run(minutes))
    assert latest(state)[1] == _run(30)


def test_a_run_that_was_cut_short_while_it_was_written_does_not_count(state: StackState) -> None:
    save(state, _run())
    cut = save(state, _run(1))
    (cut / "run.json").rename(cut / "run.json.new")
    assert latest(state)[1] == _run()


def test_a_run_is_closed_to_others(state: StackState) -> None:
    assert save(state, _run()).stat().st_mode & 0o777 == 0o700


def test_captures_that_were_kept_on_the_way_are_read_back_with_the_run(state: StackState) -> None:
    run = _run()
    store = begin(state, run.town, run.started)
    for observation in run.observations:
        store.keep(observation)
    store.finish()
    folder = save(state, run)
    assert '"captures"' not in (folder / "run.json").read_text("utf-8")
    assert latest(state) == (folder, run)


@pytest.mark.parametrize("named", ["latest", "20260301T120000.000005Z"])
def test_what_a_run_kept_is_found_by_its_name(state: StackState, named: str) -> None:
    begin(state, "bourg", START).keep(_run().observations[0])
    kept = captures(state, named)
    assert (kept.about.started, kept.complete) == (START, False)
    assert kept.captures("db", "sysctl") == _run().observations[0].captures


def test_a_town_that_was_never_verified_is_told_what_to_do(state: StackState) -> None:
    with pytest.raises(CouldNotAct) as refused:
        latest(state)
    assert "beffroi verify" in str(refused.value.hint)
