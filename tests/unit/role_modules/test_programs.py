from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest


@pytest.fixture(name="programs")
def _programs(part: Callable[[str], ModuleType]) -> ModuleType:
    return part("programs")


class Module:
    """Ansible's module, as far as programs need it."""

    def __init__(self, code: int) -> None:
        self.code = code

    def run_command(self, words: list[str]) -> tuple[int, str, str]:
        return self.code, f"ran {words}\n", " refused\n"

    def fail_json(self, msg: str) -> None:
        raise SystemExit(msg)


def test_a_program_s_answer_is_returned(programs: ModuleType) -> None:
    assert programs.run("sh", "-c", "echo said") == "said\n"


def test_a_program_that_fails_is_told_with_all_its_words(programs: ModuleType) -> None:
    with pytest.raises(ValueError, match=r"^sh -c .*: said\nrefused$"):
        programs.run("sh", "-c", "echo said; echo refused >&2; exit 3")


def test_a_clean_run_gets_the_variables_that_it_names_and_none_of_ours(
    programs: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENSSL_CONF", "/somewhere")
    found = dict(line.split("=", 1) for line in programs.run_clean("env", EASYRSA_BATCH="1").splitlines())
    assert (found["EASYRSA_BATCH"], found["HOME"], "OPENSSL_CONF" in found) == ("1", "/root", False)


def test_a_clean_run_that_fails_is_told_with_its_last_words(programs: ModuleType) -> None:
    with pytest.raises(ValueError, match=r"^sh -c .*: x{990,1000}$"):
        programs.run_clean("sh", "-c", "head -c 5000 /dev/zero | tr '\\0' x; exit 1")


def test_a_program_succeeds_or_not(programs: ModuleType) -> None:
    assert programs.succeeds("true")
    assert not programs.succeeds("false")


def test_a_module_goes_on_with_what_a_program_says(programs: ModuleType) -> None:
    assert programs.run_or_fail(Module(0), "systemctl", "stop") == "ran ['systemctl', 'stop']\n"


def test_a_module_fails_with_what_a_program_says_of_its_failure(programs: ModuleType) -> None:
    with pytest.raises(SystemExit, match=r"^systemctl stop: refused$"):
        programs.run_or_fail(Module(1), "systemctl", "stop")
