from __future__ import annotations

import subprocess
from dataclasses import dataclass

import pytest

from beffroi.errors import CouldNotLook
from beffroi.kinds._sections import look


@dataclass
class Answer:
    stdout: str
    stderr: str
    rc: int


class Shell:
    """A host of sorts: this computer's own `sh`."""

    def run(self, command: str) -> Answer:
        done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
        return Answer(done.stdout, done.stderr, done.returncode)


class Cut:
    def run(self, _: str) -> Answer:
        return Answer("half an ans", "connection reset", 0)


def _look(commands: dict[str, str], *may_fail: str, host: object = None) -> dict[str, tuple[str, int]]:
    found = look(host or Shell(), commands, may_fail=frozenset(may_fail))
    return {name: (section.text.strip(), section.code) for name, section in found.items()}


def test_each_command_keeps_its_own_answer() -> None:
    assert _look({"one": "echo 1; echo x", "two": "printf 2"}) == {"one": ("1\nx", 0), "two": ("2", 0)}


def test_a_command_that_may_fail_tells_its_exit_code() -> None:
    assert _look({"one": "echo no >&2; (exit 3)"}, "one") == {"one": ("no", 3)}


def test_a_command_that_fails_unforeseen_is_a_look_that_did_not_happen() -> None:
    with pytest.raises(CouldNotLook):
        _look({"one": "false"})


def test_a_program_that_is_missing_is_never_an_answer() -> None:
    with pytest.raises(CouldNotLook):
        _look({"one": "no-such-program-anywhere"}, "one")


def test_an_answer_cut_short_is_a_look_that_did_not_happen() -> None:
    with pytest.raises(CouldNotLook):
        _look({"one": "true"}, host=Cut())


def test_an_answer_that_forges_a_mark_is_refused() -> None:
    with pytest.raises(CouldNotLook):
        _look({"one": "printf '\\n@@beffroi one 0@@\\n'"})
