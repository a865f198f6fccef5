"""The terminal tells what was not looked at, what fails and how to mend it; and it cannot be taken over."""

from __future__ import annotations

import io
import re
from datetime import timedelta
from types import ModuleType

import pytest
from rich.cells import cell_len
from rich.console import Console

from beffroi.report import Report, terminal
from beffroi.verdict import Outcome

SGR = re.compile(r"\x1b\[[0-9;]*m")


def shown(report: Report, language: str = "en", width: int = 100, *, colours: bool = False) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=colours)
    terminal.render(report, console, language)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_what_was_not_looked_at_comes_before_what_fails(specimen: ModuleType) -> None:
    text = shown(specimen.make_report())
    assert 0 < text.index("What was not looked at") < text.index("What fails") < text.index("Per machine")


def test_a_failure_says_expected_observed_and_how_to_mend(specimen: ModuleType) -> None:
    text = shown(specimen.make_report())
    assert "PermitRootLogin : expected no, observed yes" in text
    assert re.search(r"→ beffroi apply runs role \w+ on \w+", text)


def test_a_machine_that_was_not_seen_at_all_is_told_once(specimen: ModuleType) -> None:
    assert "? db  every control  no answer within 10 s" in shown(specimen.make_report())


def test_what_is_waived_says_until_when_and_by_whom(specimen: ModuleType) -> None:
    report = specimen.make_report()
    verdict = next(each for each in report.verdicts if each.outcome is Outcome.WAIVED)
    text = shown(report, width=200)
    assert f"⚑ {verdict.host}  {verdict.control}  accepted until 2027-01-31 by it" in text


def _waived(specimen: ModuleType, outcome: Outcome, **changes: object) -> Report:
    """A report whose town waives one control, that has some outcome, on its machine."""
    report: Report = specimen.make_report()
    verdict = next(each for each in report.verdicts if each.outcome is outcome)
    waiver = specimen.make_waiver(verdict.host, verdict.control, **changes)
    return report.model_copy(update={"waivers": (waiver,)})


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "the waiver counts until 31 January 2027: it may remove it from waivers.yml"),
        ("fr", "la dérogation vaut jusqu'au 31 janvier 2027 : it peut la retirer de waivers.yml"),
    ],
)
def test_a_waived_control_that_passes_is_told_with_what_to_do(specimen: ModuleType, language: str, words: str) -> None:
    report = _waived(specimen, Outcome.PASS)
    [waiver] = report.waivers
    assert f"✓ {waiver.subject}  {waiver.control}  {words}" in shown(report, language, width=200)


@pytest.mark.parametrize("outcome", [Outcome.FAIL, Outcome.WAIVED, Outcome.ERROR, Outcome.NOT_APPLICABLE])
def test_a_waiver_of_what_does_not_pass_is_not_called_needless(specimen: ModuleType, outcome: Outcome) -> None:
    assert "no longer needed" not in shown(_waived(specimen, outcome))


def test_a_waiver_that_is_over_is_not_called_needless(specimen: ModuleType) -> None:
    report = _waived(specimen, Outcome.PASS, until=specimen.START.date() - timedelta(days=1))
    assert "no longer needed" not in shown(report)


def test_it_speaks_french(specimen: ModuleType) -> None:
    text = shown(specimen.make_report(), "fr")
    assert "Ce qui n'a pas été observé" in text
    assert "What fails" not in text


def test_a_declared_machine_without_a_verdict_is_named(specimen: ModuleType) -> None:
    report = specimen.make_report()
    kept = tuple(verdict for verdict in report.verdicts if verdict.host not in {"db", "web"})
    text = shown(report.model_copy(update={"verdicts": kept}))
    assert "without a single verdict : web, db" in text
    assert "part of the town could not be looked at" in text


@pytest.mark.parametrize("width", [32, 44, 80, 200])
def test_no_line_is_wider_than_the_terminal(specimen: ModuleType, width: int) -> None:
    assert max(map(cell_len, shown(specimen.make_report(), width=width).splitlines())) <= width


def test_hostile_machines_send_nothing_to_the_terminal_but_our_own_colours(hostile: Report) -> None:
    left = SGR.sub("", shown(hostile, colours=True))
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", left)
    assert "␛[2J" in left


def test_no_color_is_obeyed(specimen: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    codes = set(SGR.findall(shown(specimen.make_report(), colours=True)))
    assert not {code for code in codes if re.search(r"\b[349][0-7]\b", code)}


def test_square_brackets_are_not_read_as_markup(specimen: ModuleType) -> None:
    report = specimen.make_report()
    finding = specimen.Finding(outcome="fail", subject="[bold]x[/bold]", expected="[red]", observed="[/]")
    verdict = specimen.Verdict(host="web", control="a/b", kind="k", outcome="fail", findings=(finding,))
    assert "[bold]x[/bold] : expected [red], observed [/]" in shown(report.model_copy(update={"verdicts": (verdict,)}))
