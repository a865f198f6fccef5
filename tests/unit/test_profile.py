from pathlib import Path

import pytest

from beffroi.city import Text
from beffroi.control import Control, Severity
from beffroi.errors import InvalidCity, Problem
from beffroi.profile import load_profile

HEAD = "title: {fr: un, en: one}\n"
WORDS = Text(fr="un", en="one")


def _control(name: str, option: str) -> Control:
    params = {"option": option, "value": "4"}
    return Control(
        id=name, title=WORDS, rationale=WORDS, severity=Severity.LOW, kind="sshd_option", params=params, maps={}
    )


CONTROLS = {
    "ssh/attempts": _control("ssh/attempts", "MaxAuthTries"),
    "ssh/sessions": _control("ssh/sessions", "MaxSessions"),
    "logs/trace": _control("logs/trace", "LogLevel"),
}


def _chosen(root: Path, text: str) -> dict[str, Control]:
    folder = root / "compliance" / "profiles"
    folder.mkdir(parents=True)
    (folder / "town.yml").write_text(HEAD + text, "utf-8")
    return load_profile(root, "town", CONTROLS)


def _problem(root: Path, text: str) -> Problem:
    with pytest.raises(InvalidCity) as refused:
        _chosen(root, text)
    [problem] = refused.value.problems
    return problem


def test_a_glob_chooses_a_family(tmp_path: Path) -> None:
    assert set(_chosen(tmp_path, "controls: [ssh/*]\n")) == {"ssh/attempts", "ssh/sessions"}


def test_a_name_chooses_one_control(tmp_path: Path) -> None:
    assert list(_chosen(tmp_path, "controls: [logs/trace]\n")) == ["logs/trace"]


def test_a_profile_sets_a_value_and_keeps_the_others(tmp_path: Path) -> None:
    chosen = _chosen(tmp_path, 'controls: ["*"]\nparams:\n  ssh/attempts: {value: "2"}\n')
    assert chosen["ssh/attempts"].params == {"option": "MaxAuthTries", "value": "2"}
    assert chosen["ssh/sessions"].params["value"] == "4"


def test_setting_a_value_leaves_the_control_itself_as_it_was(tmp_path: Path) -> None:
    _chosen(tmp_path, 'controls: ["*"]\nparams:\n  ssh/attempts: {value: "2"}\n')
    assert CONTROLS["ssh/attempts"].params["value"] == "4"


def test_a_glob_that_chooses_nothing_is_told_with_its_line(tmp_path: Path) -> None:
    problem = _problem(tmp_path, "controls:\n- ssh/*\n- shh/*\n")
    assert (problem.file, problem.line) == ("compliance/profiles/town.yml", 4)
    assert "shh/*" in problem.reason


def test_a_value_for_no_control_is_told_with_its_line(tmp_path: Path) -> None:
    problem = _problem(tmp_path, 'controls: ["*"]\nparams:\n  ssh/attemps: {value: "2"}\n')
    assert (problem.line, "ssh/attemps" in problem.reason) == (4, True)


def test_a_value_that_the_kind_refuses_is_told_with_its_line(tmp_path: Path) -> None:
    problem = _problem(tmp_path, 'controls: ["*"]\nparams:\n  ssh/attempts:\n    value: "a; b"\n')
    assert problem.line == 5


def test_a_value_for_a_control_that_is_not_chosen_is_told(tmp_path: Path) -> None:
    problem = _problem(tmp_path, 'controls: [logs/*]\nparams:\n  ssh/attempts: {value: "2"}\n')
    assert (problem.line, "ssh/attempts" in problem.reason) == (4, True)


def test_a_profile_that_does_not_exist_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidCity) as refused:
        load_profile(tmp_path, "nobody", CONTROLS)
    assert refused.value.problems[0].file == "compliance/profiles/nobody.yml"
