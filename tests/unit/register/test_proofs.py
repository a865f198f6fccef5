"""Each security line cites its controls' last verdicts; what could not be proved comes first."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

import pytest

from beffroi import declaration
from beffroi.declaration import Declaration
from beffroi.register import build
from beffroi.register.model import Entry, Register, SecurityLine, Standing, to_json
from beffroi.runs import Run
from beffroi.verdict import Capture, Finding, Observation, Outcome, Verdict

ROOT = Path(__file__).parents[3]
END = datetime(2026, 11, 25, 21, 3, tzinfo=UTC)
PURGE, ROWS = "data/purge-timers-run", "data/old-rows-erased"
"""The application's machine keeps files, the database's keeps rows: one measure, a control each."""


@cache
def town() -> Declaration:
    return declaration.load(ROOT / "inventory" / "bourg-sur-gave")


def run_with(outcomes: dict[tuple[str, str], Outcome], *observations: Observation, silent: str = "") -> Run:
    """Everything passes but what is told; nobody judged the machine `silent`."""
    verdicts = [
        Verdict(
            host=check.host,
            control=check.control,
            kind=check.kind,
            outcome=outcomes.get((check.host, check.control), Outcome.PASS),
        )
        for check in town().desired.checks
        if check.host != silent
    ]
    return Run(
        town="x", started=END, finished=END, plan_digest="0" * 64, observations=observations, verdicts=tuple(verdicts)
    )


def register_with(run: Run | None) -> Register:
    return build(town(), run, date(2026, 11, 26))


def entry_of(register: Register, name: str = "school-canteen") -> Entry:
    return next(entry for entry in register.entries if entry.name == name)


def line_of(entry: Entry, words: str) -> SecurityLine:
    return next(line for line in entry.security if words in {line.control, line.text.en})


def test_a_measure_is_proved_by_the_controls_that_it_cites() -> None:
    line = line_of(entry_of(register_with(run_with({}))), "Daily purge")
    assert line.standing == Standing.PROVED
    assert {(proof.host, proof.control, proof.outcome) for proof in line.proofs} == {
        ("app", PURGE, Outcome.PASS),
        ("db", ROWS, Outcome.PASS),
    }


def test_a_measure_in_words_is_not_proved_by_anything_that_passes() -> None:
    line = line_of(entry_of(register_with(run_with({}))), "Kitchens receive neither address nor income bracket")
    assert (line.standing, line.proofs) == (Standing.WORDS, ())


def test_one_failing_machine_makes_a_line_fail() -> None:
    register = register_with(run_with({("db", ROWS): Outcome.FAIL}))
    assert line_of(entry_of(register), "Daily purge").standing == Standing.FAILING
    assert register.exit_code == 1


@pytest.mark.parametrize("outcome", [Outcome.ERROR, Outcome.NOT_CHECKED])
def test_could_not_look_is_never_proved(outcome: Outcome) -> None:
    register = register_with(run_with({("db", ROWS): outcome}))
    assert line_of(entry_of(register), "Daily purge").standing == Standing.UNSEEN
    assert register.exit_code == 2


def test_a_machine_without_a_verdict_leaves_its_lines_unproved() -> None:
    proof = next(
        each
        for each in line_of(entry_of(register_with(run_with({}, silent="db"))), "Daily purge").proofs
        if each.host == "db"
    )
    assert (proof.outcome, proof.when) == (None, None)


def test_a_failure_is_told_even_where_another_machine_is_silent() -> None:
    entry = entry_of(register_with(run_with({("db", ROWS): Outcome.FAIL}, silent="app")))
    line = line_of(entry, "Daily purge")
    assert line in entry.unproved()
    assert line in entry.broken()


def test_not_applicable_proves_nothing() -> None:
    register = register_with(run_with(dict.fromkeys([("app", PURGE), ("db", ROWS)], Outcome.NOT_APPLICABLE)))
    assert line_of(entry_of(register), "Daily purge").standing == Standing.ELSEWHERE


def test_a_waived_control_is_said_to_be_waived() -> None:
    register = register_with(run_with({("db", ROWS): Outcome.WAIVED}))
    assert line_of(entry_of(register), "Daily purge").standing == Standing.WAIVED


def test_what_could_not_be_proved_stands_first() -> None:
    register = register_with(
        run_with({("db", ROWS): Outcome.ERROR, ("db", "data/stores-closed-to-others"): Outcome.FAIL})
    )
    order = list(Standing)
    for entry in register.entries:
        places = [order.index(line.standing) for line in entry.security]
        assert places == sorted(places)


def test_without_any_run_nothing_is_proved() -> None:
    register = register_with(None)
    assert [line for entry in register.entries for line in entry.proved()] == []


def test_a_verdict_is_dated_by_what_was_seen_for_it() -> None:
    seen = datetime(2026, 11, 25, 20, 0, tzinfo=UTC)
    capture = Capture(host="db", command="systemctl", stdout="", stderr="", exit_code=0, when=seen)
    observed = Observation(host="db", kind="database", facts={}, captures=(capture,))
    line = line_of(entry_of(register_with(run_with({}, observed))), "Daily purge")
    assert {proof.host: proof.when for proof in line.proofs} == {"app": END, "db": seen}


def test_a_reason_is_kept_with_the_verdict() -> None:
    run = run_with({})
    finding = Finding(outcome=Outcome.ERROR, subject="x", expected="y", observed="z", reason="no answer")
    verdicts = tuple(
        each.model_copy(update={"outcome": Outcome.ERROR, "findings": (finding,)}) if each.host == "db" else each
        for each in run.verdicts
    )
    line = line_of(entry_of(register_with(run.model_copy(update={"verdicts": verdicts}))), "Daily purge")
    assert {proof.reason for proof in line.proofs if proof.host == "db"} == {"no answer"}


def test_controls_of_other_machines_are_not_cited() -> None:
    entry = entry_of(register_with(run_with({})), "video-protection")
    assert {proof.host for line in entry.security for proof in line.proofs} == {"recorder"}


def test_footage_has_no_copy_and_other_stores_have_one() -> None:
    register = register_with(None)
    copied = {store.name: store.copied_by for entry in register.entries for store in entry.stores if not store.copies}
    assert copied.pop("video") == ()
    assert set(copied.values()) == {("backup",)}


def test_the_same_register_is_the_same_json() -> None:
    assert to_json(register_with(run_with({}))) == to_json(register_with(run_with({})))
