"""Batches over a host that is played: `/bin/sh` on this computer, or answers made up to see what a lie does."""

import asyncio
import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from beffroi.errors import CouldNotLook
from beffroi.observe import batch
from beffroi.observe.batch import Answer, Batches
from beffroi.observe.connection import Bounds, Completed, CutShort

ACCOUNTS = ("root", "no-such-account", "nobody")
HANGS, UNREACHABLE = "no answer", "no route"
Change = Callable[[Completed], Completed]


@dataclass
class Local:
    """This computer's `/bin/sh`, and what a host makes of its answers on their way."""

    change: Change = lambda done: done
    host: str = "db"
    scripts: list[str] = field(default_factory=list)

    async def run(self, command: str, *, stdin: bytes = b"", bounds: Bounds) -> Completed:
        self.scripts.append(stdin.decode())
        words = ["sh", "-c", command.replace("sudo -n -u root ", "").replace("sudo ", "")]
        return self.change(await asyncio.to_thread(self._run, words, stdin, bounds.seconds))

    def _run(self, words: list[str], stdin: bytes, seconds: float) -> Completed:
        try:
            done = subprocess.run(words, input=stdin, capture_output=True, check=False, timeout=seconds)
        except subprocess.TimeoutExpired as error:
            said = {"stdout": error.stdout or b"", "stderr": error.stderr or b""}
            raise CutShort(HANGS, where=self.host, **said) from None
        return Completed(done.stdout, done.stderr, done.returncode)

    async def close(self) -> None:
        pass


def _ask(host: Local, *commands: str, seconds: float = 20.0) -> dict[str, Answer]:
    return asyncio.run(Batches(host, Bounds(seconds=seconds, output=1 << 20)).ask(commands))


@pytest.fixture(name="host")
def _host(monkeypatch: pytest.MonkeyPatch) -> Local:
    monkeypatch.setenv("SHELL", "/bin/sh")
    return Local()


def test_all_commands_are_one_exec(host: Local) -> None:
    assert _ask(host, "echo a", "echo b; exit 3", "uname") == {
        "echo a": Completed(b"a\n", b"", 0),
        "echo b; exit 3": Completed(b"b\n", b"", 3),
        "uname": Completed(b"Linux\n", b"", 0),
    }
    assert len(host.scripts) == 1


def test_a_question_put_twice_is_asked_once(host: Local) -> None:
    _ask(host, "echo a", "echo a")
    assert host.scripts[0].count("echo a") == 1


def test_nothing_asked_is_no_exec(host: Local) -> None:
    assert _ask(host) == {}
    assert host.scripts == []


def test_each_sudo_is_an_exec_of_its_own(host: Local) -> None:
    inner = "sudo -n -u root /bin/sh -c 'echo a'"
    assert _ask(host, inner, "echo a") == {inner: Completed(b"a\n", b"", 0), "echo a": Completed(b"a\n", b"", 0)}
    assert len(host.scripts) == 2


def test_forty_files_are_one_process(host: Local) -> None:
    paths = sorted(str(path) for path in Path("/usr/bin").iterdir() if path.name.isalnum())[:40]
    said = _ask(host, *(f"stat -Lc %{letter} {path}" for path in paths for letter in "aU"))
    assert {it.exit_code for it in said.values() if isinstance(it, Completed)} == {0}
    assert len(re.findall("stat ", host.scripts[0])) == 1


def test_a_member_that_its_family_does_not_answer_is_asked_alone(host: Local) -> None:
    missing = "stat -Lc %a /no/such/file"
    said = _ask(host, "stat -Lc %a /etc/passwd", missing)
    assert said["stat -Lc %a /etc/passwd"] == Completed(b"644\n", b"", 0)
    assert said[missing] == Completed(b"", b"stat: cannot statx '/no/such/file': No such file or directory\n", 1)


def test_a_program_that_is_not_there_is_told_by_the_shell_that_was_meant(host: Local) -> None:
    command = "lsb_release -no-such"
    said = _ask(host, command, "rpm -q x")["rpm -q x"]
    alone = subprocess.run(["/bin/sh", "-c", "rpm -q x"], capture_output=True, check=False)
    assert said == Completed(alone.stdout, alone.stderr.replace(b"/bin/sh", b"sh"), alone.returncode)


def test_a_command_that_its_own_shell_could_not_run_is_not_run_again(host: Local, tmp_path: Path) -> None:
    command = f"echo x >> {tmp_path}/log; exit 127"
    assert _ask(host, command) == {command: Completed(b"", b"", 127)}
    assert (tmp_path / "log").read_text() == "x\n"


@pytest.mark.parametrize("verb", ["is-enabled", "is-active"])
def test_units_of_which_one_is_not_known_are_still_one_exec(
    host: Local, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    states = "ssh) echo enabled;; timer) echo masked; code=1;;"
    unknown = '*) echo "Failed to get unit file state for $unit.service: = No such file" >&2; code=1;'
    loop = f'shift; for unit; do code=0; case $unit in {states} {unknown} esac; [ "$code" = 0 ] || exit $code; done'
    (tmp_path / "systemctl").write_text(f"#!/bin/sh\n{loop}\n")
    (tmp_path / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    complaint = b"Failed to get unit file state for gone.service: = No such file\n"
    assert _ask(host, *(f"systemctl {verb} {unit}" for unit in ("ssh", "gone", "timer"))) == {
        f"systemctl {verb} ssh": Completed(b"enabled\n", b"", 0),
        f"systemctl {verb} gone": Completed(b"", complaint, 1),
        f"systemctl {verb} timer": Completed(b"masked\n", b"", 1),
    }
    assert len(host.scripts) == 1


def test_accounts_are_one_process_and_who_is_not_there_is_not_there(host: Local) -> None:
    alone = {name: subprocess.run(["getent", "passwd", name], capture_output=True, check=False) for name in ACCOUNTS}
    assert _ask(host, *(f"getent passwd {name}" for name in ACCOUNTS)) == {
        f"getent passwd {name}": Completed(done.stdout, done.stderr, done.returncode) for name, done in alone.items()
    }
    assert [script.count("getent") for script in host.scripts] == [1]


@pytest.mark.slow
def test_a_command_that_hangs_is_blamed_alone(host: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "_SECONDS_A_COMMAND", 0)
    said = _ask(host, "echo a", "sleep 60", "echo b", seconds=1.5)
    assert isinstance(said["sleep 60"], CouldNotLook)
    assert (said["echo a"], said["echo b"]) == (Completed(b"a\n", b"", 0), Completed(b"b\n", b"", 0))


def test_a_host_that_always_hangs_is_given_up(host: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "_SECONDS_A_COMMAND", 0)
    commands = [f"sleep {20 + number}" for number in range(7)]
    said = _ask(host, *commands, seconds=0.1)
    assert all(isinstance(it, CouldNotLook) for it in said.values())
    assert len(host.scripts) <= 6


def test_a_host_that_cannot_be_reached_is_asked_once() -> None:
    def dead(_: Completed) -> Completed:
        raise CouldNotLook(UNREACHABLE)

    host = Local(dead)
    said = _ask(host, "echo a", "stat -Lc %a /usr", "stat -Lc %a /etc")
    assert {str(it) for it in said.values()} == {UNREACHABLE}
    assert len(host.scripts) == 1


@pytest.mark.parametrize(
    "lie",
    [
        lambda _: Completed(b"", b"", 0),
        lambda _: Completed(b"nonsense", b"", 0),
        lambda done: Completed(done.stdout * 2, done.stderr, 0),
        lambda done: Completed(done.stdout, b"", 0),
        lambda done: Completed(done.stdout[::-1], done.stderr, 0),
        lambda done: Completed(re.sub(rb" (\d) (\d);", rb" \2 \1;", done.stdout), done.stderr, 0),
    ],
)
def test_a_lie_is_no_answer(lie: Change) -> None:
    assert all(isinstance(it, CouldNotLook) for it in _ask(Local(lie), "exit 3", "exit 4").values())


def test_what_sudo_says_instead_of_an_answer_is_told() -> None:
    host = Local(lambda _: Completed(b"", b"sudo: a password is required\n", 1))
    [said] = _ask(host, "sudo /bin/sh -c 'id -u'").values()
    assert "a password is required" in str(said)
