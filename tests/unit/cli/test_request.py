"""`beffroi request new`: a wish becomes a proposed change, judged by the gate, told as a pull request."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from beffroi.cli.verbs import program
from beffroi.errors import CouldNotAct, InvalidCity, InvalidInput

ROOT = Path(__file__).parents[3]
TOWN = "inventory/hamlet"
IN_A_TOWN = pytest.mark.usefixtures("repository")
WHOLE = (
    *("--from", "sensors-on-poles", "--to", "log", "--service", "syslog", "--asked-by", "clerk"),
    *("--purpose", "Suivre les pannes | Follow failures", "--no-personal-data", "--until", "2027-06-30"),
)


@pytest.fixture(name="repository")
def _repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(ROOT / "tests" / "cases" / "hamlet", tmp_path / TOWN)
    # Some policies and controls are enough, and read in less time.
    for content in ("compliance/frameworks", "compliance/profiles", "compliance/controls/data", "policies/data"):
        shutil.copytree(ROOT / content, tmp_path / content)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def request(*words: str, language: str = "en", answers: str | None = None) -> Result:
    argv = ["request", "new", TOWN, "--today", "2026-11-26", *words]
    return CliRunner().invoke(program, argv, standalone_mode=False, env={"BEFFROI_LANG": language}, input=answers)


@IN_A_TOWN
def test_the_gate_is_asked_and_what_it_opens_is_proved() -> None:
    answer = json.loads(request(*WHOLE, "--json").stdout)
    assert (answer["questions"], answer["judgement"]) == ([], "refused")
    opened = {(each["start"], each["end"]) for each in answer["review"]["flows"] if each["sort"] == "opened"}
    assert opened == {("sensors", "log")}


@IN_A_TOWN
def test_what_the_gate_refuses_is_what_is_missing_with_its_way_out() -> None:
    text = request(*WHOLE).stdout
    missing = text.partition("## What is missing")[2].partition("\n## ")[0]
    assert "`data/no-device-reaches-stores`" in missing
    assert "go through a machine without stores" in missing


@IN_A_TOWN
def test_the_status_is_the_gates() -> None:
    assert request(*WHOLE).return_value == 1
    harmless = ("--from", "admin-workstations", "--to", "bastion", "--service", "ssh", "--asked-by", "clerk")
    done = request(*harmless, "--purpose", "Aider | Help", "--no-personal-data", "--permanent")
    assert (done.return_value, "The gate accepts" in done.stdout) == (0, True)


@IN_A_TOWN
def test_the_text_speaks_both_languages() -> None:
    assert "## Ce qui manque pour pouvoir accepter" in request(*WHOLE, language="fr").stdout
    assert "## What is missing before it can be accepted" in request(*WHOLE).stdout


def test_the_difference_is_one_that_git_applies(repository: Path) -> None:
    request(*WHOLE, "--diff", "wish.diff")
    subprocess.run(["git", "init", "--quiet"], cwd=repository, check=True)
    subprocess.run(["git", "apply", "wish.diff"], cwd=repository, check=True)
    applied = (repository / TOWN / "city.yml").read_text("utf-8")
    shutil.copy(ROOT / "tests" / "cases" / "hamlet" / "city.yml", repository / TOWN / "city.yml")
    request(*WHOLE, "--write")
    assert applied == (repository / TOWN / "city.yml").read_text("utf-8")


def test_writing_keeps_every_line_of_the_town(repository: Path) -> None:
    path = repository / TOWN / "city.yml"
    before = path.read_text("utf-8").splitlines()
    request(*WHOLE, "--write")
    after = path.read_text("utf-8").splitlines()
    assert [line for line in after if line in before] == before
    assert len(after) > len(before)


def test_nothing_is_written_while_an_answer_is_missing(repository: Path) -> None:
    before = (repository / TOWN / "city.yml").read_text("utf-8")
    done = request("--from", "sensors-on-poles", "--to", "log", "--service", "syslog", "--no-questions", "--write")
    assert isinstance(done.exception, InvalidInput)
    assert (repository / TOWN / "city.yml").read_text("utf-8") == before


def test_nothing_is_written_over_a_file_that_moved_on(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = repository / TOWN / "city.yml"

    def meanwhile(*_: object, **__: object) -> None:
        path.write_text(path.read_text("utf-8") + "# somebody else\n", "utf-8")

    monkeypatch.setattr("beffroi.cli.request._tell", meanwhile)
    assert isinstance(request(*WHOLE, "--write").exception, CouldNotAct)
    assert "asked" not in path.read_text("utf-8")


@IN_A_TOWN
def test_a_wish_without_its_ends_is_answered_with_questions_alone() -> None:
    done = request("--no-questions")
    assert done.return_value == 1
    assert "Who opens the connection? One of: `admin`" in done.stdout
    assert "## What it opens" not in done.stdout


@IN_A_TOWN
def test_a_place_that_does_not_exist_is_told_as_a_mistake_of_the_change() -> None:
    done = request(*WHOLE, "--to", "moon")
    assert done.return_value == 1
    assert "`moon`" in done.stdout.partition("## What is missing")[2]


def test_a_file_says_what_options_add_to(repository: Path) -> None:
    (repository / "wish.yml").write_text("from: sensors-on-poles\nto: log\npurpose: {fr: Suivre}\n", "utf-8")
    answer = json.loads(request("--request", "wish.yml", "--service", "syslog", "--json").stdout)
    assert answer["questions"] == ["purpose.en", "asked_by", "processing", "until"]


@pytest.mark.parametrize(
    ("line", "where"),
    [
        ("form: x", "wish.yml:1: form"),
        ("from: ../../etc", "wish.yml:1: from"),
        ("purpose: {fr: !!python/object x}", "wish.yml:1: purpose.fr"),
        ("until: 20271231", "wish.yml:1: until"),
        ("port: tcp/x", "wish.yml:1: port"),
        ("activity: {legal_basis: because}", "wish.yml:1: activity.legal_basis"),
    ],
)
def test_a_mistake_in_a_file_is_located(repository: Path, line: str, where: str) -> None:
    (repository / "wish.yml").write_text(f"{line}\n", "utf-8")
    done = request("--request", "wish.yml")
    assert isinstance(done.exception, InvalidCity)
    assert str(done.exception).startswith(where)


@IN_A_TOWN
def test_a_mistake_in_an_option_names_its_field() -> None:
    done = request("--name", "Not a name", "--no-questions")
    assert isinstance(done.exception, InvalidInput)
    assert str(done.exception).startswith("name: ")


@IN_A_TOWN
def test_words_of_a_wish_are_no_markup() -> None:
    nasty = "<img src=x> @team #1 ``` [x](http://x) | <b>&lt;</b> @all"
    text = request(*WHOLE, "--purpose", nasty).stdout
    told = text.partition("## The change")[0]
    assert "<img" not in told
    assert "[x](http" not in told
    assert "\n````diff\n" in text


def test_no_secret_of_the_folder_is_read_through_a_dotfile(repository: Path) -> None:
    (repository / TOWN / ".draft.yml").write_bytes(b"\xff\xfe not a file of the town")
    assert request(*WHOLE).return_value == 1
