import pytest

from beffroi.cli.options import operation, progress
from beffroi.converge import Action
from beffroi.plan import Step
from beffroi.verdict import Observation


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEFFROI_LANG", "en")


def test_progress_leaves_standard_output_to_the_answer(capsys: pytest.CaptureFixture[str]) -> None:
    progress(quiet=False).say("working")
    assert capsys.readouterr() == ("", "working\n")


def test_quiet_progress_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    progress(quiet=True).say("working")
    assert capsys.readouterr() == ("", "")


def test_a_host_cannot_write_on_the_screen_through_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    progress(quiet=False).action(Action("db", "package", "Install", "failed", "\x1b]0;owned\x07[red]no[/red]"))
    said = capsys.readouterr().err
    assert "\x1b" not in said
    assert "[red]no[/red]" in said


def test_what_changes_nothing_is_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    progress(quiet=False).action(Action("db", "package", "Install", "ok"))
    progress(quiet=False).step(Step(operation="create", type="beffroi:city:City", name="bourg"), True)  # noqa: FBT003 - Tell's face
    assert capsys.readouterr().err == ""


def test_a_step_is_told_when_it_begins_and_when_it_ends(capsys: pytest.CaptureFixture[str]) -> None:
    tell = progress(quiet=False)
    for ended in (False, True):
        tell.step(Step(operation="create", type="beffroi:lab:Machine", name="db"), ended)
    assert capsys.readouterr().err == "  create Machine db ...\n  create Machine db done\n"


def test_a_machine_that_could_not_be_looked_at_is_told_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    progress(quiet=False).seen(Observation(host="db", kind="sysctl", facts=None, could_not_look="down"))
    assert "db: sysctl: could not look" in capsys.readouterr().err


def test_a_rare_operation_keeps_pulumis_word() -> None:
    assert (operation("create"), operation("import")) == ("create", "import")
