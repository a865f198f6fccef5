"""Suites of testinfra as people write them, run by a pytest of their own: `ssh` is played by this computer's shell."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow  # each runs a pytest of its own

SOURCE = Path(__file__).parents[3] / "src"


@dataclass(frozen=True)
class Ran:
    """How a suite's run ended, what it said, and how many commands ran on its host (the farewell left out)."""

    code: int
    said: str
    execs: int


@pytest.fixture(name="run")
def _run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Ran]:
    """Run a suite against `beffroi://db`, whose `ssh` hands each command to this computer's shell."""

    def run(suite: str, *options: str) -> Ran:
        log, programs = tmp_path / "execs", tmp_path / "bin"
        programs.mkdir()
        # The command is the last word; `ssh -O exit` is a farewell and runs none.
        script = (
            f'case "$*" in *"-O exit"*) exit 0 ;; esac\necho "$*" >> {log}\nfor word; do :; done\nexec sh -c "$word"\n'
        )
        for name, text in (("ssh", script), ("sudo", 'shift 2\nexec "$@"\n')):
            (programs / name).write_text(f"#!/bin/sh\n{text}")
            (programs / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(SOURCE), *sys.path]))
        (tmp_path / "test_suite.py").write_text(suite)
        argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-c", os.devnull]
        argv += ["--rootdir", str(tmp_path), "--hosts=beffroi://db", *options, str(tmp_path / "test_suite.py")]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=tmp_path, timeout=60)
        execs = len(log.read_text().splitlines()) if log.exists() else 0
        return Ran(done.returncode, done.stdout + done.stderr, execs)

    return run


PLAIN = """
import pytest

@pytest.mark.parametrize("path", ["/etc/passwd", "/etc/group", "/etc/shells", "/no/such/file"])
def test_files(host, path):
    assert host.file(path).exists == ("no" not in path)
    if host.file(path).exists:
        assert host.file(path).user == "root"

@pytest.fixture
def root(host):
    return host.user("root")

class TestAccounts:
    def test_shell(self, root):
        assert root.uid == 0

def test_fails(host):
    assert host.file("/etc/passwd").user == "nobody"

@pytest.mark.skip
def test_skipped(host):
    host.run("touch never")
"""


def test_a_suite_is_run_in_a_few_execs_with_the_outcomes_that_it_has_one_by_one(run: Callable[..., Ran]) -> None:
    together = run(PLAIN)
    assert (together.code, "1 failed, 5 passed, 1 skipped" in together.said) == (1, True), together.said
    assert together.execs <= 5, together.said
    assert "assert 'root' == 'nobody'" in together.said


def test_nothing_is_asked_ahead_when_that_is_asked_for(run: Callable[..., Ran]) -> None:
    alone = run(PLAIN, "--no-ahead")
    assert "1 failed, 5 passed, 1 skipped" in alone.said
    assert alone.execs > 8


ACTS = """
def test_before(host):
    assert not host.file("{mark}").exists

def test_acts(host):
    assert host.run("echo x >> {mark}").rc == 0

def test_after(host):
    assert host.file("{mark}").content_string == "x\\n"
"""


def test_what_acts_runs_once_at_its_turn_and_what_follows_sees_it(run: Callable[..., Ran], tmp_path: Path) -> None:
    assert "3 passed" in run(ACTS.format(mark=tmp_path / "mark")).said
    assert (tmp_path / "mark").read_text() == "x\n"


HERE = """
import pathlib, subprocess, time

def test_writes_here(host):
    assert host.file("/etc/passwd").exists
    with open("{log}", "a") as log:
        log.write("once ")

def test_runs_a_program_here(host):
    subprocess.run(["sh", "-c", "printf 'once ' >> {log}"], check=True)

def test_prints(host, capsys):
    print("heard once")

def test_sleeps(host):
    time.sleep(0.01)
    pathlib.Path("{log}").open("a").write("once ")
"""


def test_what_a_test_does_on_this_computer_is_done_once(run: Callable[..., Ran], tmp_path: Path) -> None:
    ran = run(HERE.format(log=tmp_path / "log"))
    assert "4 passed" in ran.said, ran.said
    assert (tmp_path / "log").read_text() == "once " * 3


PASSES = """
def test_waits(host):
    seen = {host.run("date +%N").stdout for _ in range(3)}
    assert len(seen) == 3
"""


def test_who_asks_twice_for_what_passes_sees_it_twice(run: Callable[..., Ran]) -> None:
    assert "1 passed" in run(PASSES).said


SUDO = """
def test_plain(host):
    assert host.run("id -u").rc == 0

def test_elevated(host):
    with host.sudo("root"):
        assert host.run("stat -Lc %a /etc/passwd").stdout == "644\\n"
        assert host.run("id -u").command.startswith(b"sudo")
    assert host.run("id -u").command == b"id -u"
"""


def test_one_test_under_sudo_puts_no_other_there(run: Callable[..., Ran]) -> None:
    assert "2 passed" in run(SUDO).said


IMPORTS = """
import importlib
import sys

def test_imports_what_was_never_imported(host):
    sys.path.insert(0, "{folder}")
    importlib.invalidate_caches()
    assert importlib.import_module("fresh").NAME == "fresh"
    assert host.file("/etc/passwd").user == "root"
"""


def test_a_check_that_imports_a_module_first_is_asked_ahead_all_the_same(
    run: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "fresh.py").write_text('NAME = "fresh"\n')
    imported = run(IMPORTS.format(folder=tmp_path / "modules"))
    assert "1 passed" in imported.said, imported.said
    assert imported.execs == 3, "that which connects, that which asks what testinfra asks of all hosts, and the check's"
