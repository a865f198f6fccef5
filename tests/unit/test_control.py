from pathlib import Path

import pytest

from beffroi.control import Severity, load_controls
from beffroi.errors import InvalidCity, Problem

SOUND = """\
title: {fr: root n'entre pas, en: root stays out}
rationale: {fr: trace, en: a trace}
severity: high
kind: sshd_option
params: {option: PermitRootLogin, value: "no"}
maps: {anssi-bp-028: [R33]}
"""


def _content(folder: Path, /, **files: str) -> Path:
    ssh = folder / "compliance" / "controls" / "ssh"
    ssh.mkdir(parents=True)
    for name, text in files.items():
        (ssh / f"{name}.yml").write_text(text, "utf-8")
    return folder


def _problems(folder: Path, /, **files: str) -> list[Problem]:
    with pytest.raises(InvalidCity) as refused:
        load_controls(_content(folder, **files))
    return refused.value.problems


def test_the_id_of_a_control_is_its_path(tmp_path: Path) -> None:
    assert list(load_controls(_content(tmp_path, root=SOUND))) == ["ssh/root"]


def test_a_control_is_read_as_it_is_written(tmp_path: Path) -> None:
    control = load_controls(_content(tmp_path, root=SOUND))["ssh/root"]
    assert (control.severity, control.params["value"]) == (Severity.HIGH, "no")


def test_an_unknown_kind_is_told_with_its_line_and_the_known_ones(tmp_path: Path) -> None:
    [problem] = _problems(tmp_path, root=SOUND.replace("sshd_option", "sshd_opton"))
    assert (problem.file, problem.line) == ("compliance/controls/ssh/root.yml", 4)
    assert "sshd_opton" in problem.reason
    assert "sshd_option" in problem.hint


def test_a_parameter_that_its_kind_does_not_take_is_told_with_its_line(tmp_path: Path) -> None:
    [problem] = _problems(tmp_path, root=SOUND.replace("option: PermitRootLogin", "option: -x"))
    assert (problem.line, problem.field) == (5, "params.option")


def test_a_missing_parameter_is_told(tmp_path: Path) -> None:
    [problem] = _problems(tmp_path, root=SOUND.replace(', value: "no"', ""))
    assert problem.field == "params.value"


def test_a_missing_language_is_told(tmp_path: Path) -> None:
    [problem] = _problems(tmp_path, root=SOUND.replace(", en: root stays out", ""))
    assert (problem.line, problem.field) == (1, "title.en")


def test_a_field_that_no_control_has_is_told(tmp_path: Path) -> None:
    [problem] = _problems(tmp_path, root=SOUND + "benchmark: 5.2.10\n")
    assert (problem.line, problem.field) == (7, "benchmark")


def test_the_mistakes_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    wrong = SOUND.replace("high", "grave")
    problems = _problems(tmp_path, first=wrong, second=SOUND + "\tx: 1\n", third="", fourth=wrong)
    assert [problem.file.rpartition("/")[2] for problem in problems] == [
        "first.yml",
        "fourth.yml",
        "second.yml",
        "third.yml",
    ]


def test_a_folder_without_controls_gives_none(tmp_path: Path) -> None:
    assert load_controls(tmp_path) == {}


def test_a_control_that_is_a_link_out_of_the_content_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret.yml").write_text("password: hunter2\n")
    content = _content(tmp_path / "content", root=SOUND)
    (content / "compliance" / "controls" / "ssh" / "linked.yml").symlink_to(tmp_path / "secret.yml")
    with pytest.raises(InvalidCity) as refused:
        load_controls(content)
    assert "a symbolic link leads out" in str(refused.value)
    assert "hunter2" not in str(refused.value)
