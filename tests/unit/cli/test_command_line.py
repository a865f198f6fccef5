"""The command line as a person meets it: another process, its two outputs and its exit code."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from beffroi import declaration
from beffroi.cli.options import works
from beffroi.cli.verbs import VERBS, program
from beffroi.declaration import Declaration
from beffroi.state import StackState

ROOT = Path(__file__).parents[3]
TOWN = "inventory/bourg-sur-gave"
START = "import sys; from beffroi.cli import main; sys.argv[0] = 'beffroi'; main()"

Said = subprocess.CompletedProcess[str]
Says = Callable[..., Said]


@pytest.fixture(name="beffroi")
def _beffroi(tmp_path: Path) -> Says:
    """Run `beffroi WORDS` at the top of the project, without Pulumi, home or state of anybody."""
    (tmp_path / "bin").mkdir()
    for name in ("ssh", "ssh-keygen"):
        (tmp_path / "bin" / name).symlink_to(str(shutil.which(name)))
    environment = {
        "PATH": str(tmp_path / "bin"),
        "HOME": str(tmp_path),
        "BEFFROI_STATE": str(tmp_path / "state"),
        "BEFFROI_LABS": str(tmp_path / "labs"),
        "BEFFROI_LANG": "en",
        "COLUMNS": "120",
    }

    def run(*words: str, **more: str) -> Said:
        argv = [sys.executable, "-c", START, *words]
        said = subprocess.run(
            argv, cwd=ROOT, env={**environment, **more}, capture_output=True, text=True, timeout=60, check=False
        )
        assert "Traceback" not in said.stderr
        return said

    return run


@pytest.fixture(name="town", scope="module")
def _town() -> Declaration:
    return declaration.load(ROOT / TOWN)


def test_a_sound_town_ends_with_0(beffroi: Says) -> None:
    said = beffroi("check", TOWN)
    assert (said.returncode, said.stderr) == (0, "")
    assert "sound" in said.stdout


def test_whoever_ends_looks_through_nothing_once_more() -> None:
    code = f"import gc\ntry:\n    {START}\nfinally:\n    sys.stderr.write(str(gc.get_freeze_count() > 10_000))"
    said = subprocess.run(
        [sys.executable, "-c", code, "check", TOWN], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (said.returncode, said.stderr) == (0, "True")


def test_an_unsound_town_ends_with_1_and_a_place_for_each_mistake(beffroi: Says) -> None:
    said = beffroi("check", "tests/cases/bad/address-as-number", "--root", ".")
    assert (said.returncode, said.stdout) == (1, "")
    assert "tests/cases/bad/address-as-number/city.yml:" in said.stderr
    assert "\n  -> " in said.stderr


def test_the_program_speaks_french_to_who_asks(beffroi: Says) -> None:
    said = beffroi("check", TOWN, BEFFROI_LANG="fr")
    assert "La déclaration" in said.stdout


def test_a_verb_that_does_not_exist_ends_with_2(beffroi: Says) -> None:
    assert beffroi("frobnicate").returncode == 2


@pytest.mark.parametrize("words", [["check"], ["check", "no/such/folder"], ["lab", "frobnicate"]], ids=str)
def test_a_command_that_is_not_whole_ends_with_2(words: list[str]) -> None:
    assert CliRunner().invoke(program, words).exit_code == 2


@pytest.mark.parametrize("verb", VERBS)
def test_each_verb_has_help(verb: str) -> None:
    said = CliRunner().invoke(program, [verb, "--help"], prog_name="beffroi")
    assert said.exit_code == 0
    assert f"beffroi {verb}" in said.output.partition("\n")[2]


def test_the_program_lists_its_verbs_in_the_order_of_a_days_work(beffroi: Says) -> None:
    said = beffroi("--help").stdout
    places = [said.index(f"\n  {verb} ") for verb in VERBS]
    assert places == sorted(places)


def test_the_schema_is_json() -> None:
    assert json.loads(CliRunner().invoke(program, ["schema"]).output)["$schema"].endswith("2020-12/schema")


def test_the_controls_are_listed_as_json() -> None:
    listed = json.loads(CliRunner().invoke(program, ["controls", str(ROOT / TOWN), "--json"]).output)
    assert listed["ssh/root-login-refused"]["kind"] == "sshd_option"


def test_the_controls_are_listed_in_french(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEFFROI_LANG", "fr")
    assert "demandée par" in CliRunner().invoke(program, ["controls", str(ROOT / TOWN)]).output


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_can_complete_the_verbs(shell: str) -> None:
    said = CliRunner().invoke(program, ["completion", shell], prog_name="beffroi")
    assert said.exception is None
    assert "_BEFFROI_COMPLETE" in said.output


def test_a_stack_named_like_a_path_is_refused(beffroi: Says, tmp_path: Path) -> None:
    assert beffroi("verify", TOWN, "--stack", "../elsewhere").returncode == 2
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("name", ["../elsewhere", "a/b", "a b", "-", "a--b", "a.b", "é", " "])
def test_a_stack_has_a_plain_name(town: Declaration, name: str) -> None:
    with pytest.raises(click.BadParameter):
        works(town, name)


def test_a_stack_bears_the_towns_name_by_default(town: Declaration) -> None:
    assert works(town, None).state.name == "bourg-sur-gave"


def test_without_the_pulumi_cli_a_plan_says_where_to_find_it(beffroi: Says) -> None:
    said = beffroi("plan", TOWN)
    assert (said.returncode, said.stdout) == (2, "")
    assert "Pulumi" in said.stderr
    assert "  -> " in said.stderr


@pytest.mark.parametrize("words", [["verify", TOWN], ["lab", "exec", TOWN, "db", "true"]], ids=lambda words: words[0])
def test_a_town_that_was_never_applied_is_told_to_be(beffroi: Says, words: list[str]) -> None:
    said = beffroi(*words)
    assert said.returncode == 2
    assert "beffroi apply" in said.stderr


def test_a_machine_that_does_not_exist_is_answered_with_those_that_do(beffroi: Says) -> None:
    said = beffroi("lab", "exec", TOWN, "nobody", "true")
    assert said.returncode == 2
    assert "recorder" in said.stderr


def test_a_report_without_a_verification_is_told(beffroi: Says) -> None:
    said = beffroi("report", TOWN)
    assert said.returncode == 2
    assert "beffroi verify" in said.stderr


def test_a_stack_that_another_run_holds_is_left_alone(
    beffroi: Says, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BEFFROI_STATE", str(tmp_path / "state"))
    with StackState("bourg-sur-gave").alone():
        said = beffroi("plan", TOWN)
    assert said.returncode == 2
    assert str(os.getpid()) in said.stderr


def test_a_state_that_cannot_be_written_is_a_sentence(beffroi: Says, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    said = beffroi("report", TOWN, BEFFROI_STATE=str(tmp_path / "file"))
    assert said.returncode == 2
    assert str(tmp_path / "file") in said.stderr


def test_a_verb_of_the_model_imports_nothing_that_is_slow() -> None:
    argv = [sys.executable, "-X", "importtime", "-c", START, "schema"]
    said = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stderr
    assert not {"pulumi", "ansible_runner", "testinfra"} & {
        line.rpartition("|")[2].strip() for line in said.splitlines()
    }
