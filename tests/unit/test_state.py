import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from beffroi.errors import Interrupted
from beffroi.state import StackState, state_root

HOLD = """
import sys, time
from beffroi.state import StackState
with StackState("bourg").alone():
    print("held", flush=True)
    time.sleep(60)
"""
RACE = """
import sys
from beffroi.state import StackState
sys.stdin.read(1)
print(StackState("bourg").passphrase_file().read_text())
"""


@pytest.fixture(name="state")
def _state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> StackState:
    monkeypatch.setenv("BEFFROI_STATE", str(tmp_path / "state"))
    return StackState("bourg")


@contextmanager
def _holder() -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the stack, as another `beffroi apply` would."""
    holder = subprocess.Popen([sys.executable, "-c", HOLD], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield holder
    finally:
        holder.kill()
        holder.communicate()


def test_the_state_is_where_it_is_said(state: StackState, tmp_path: Path) -> None:
    assert state.folder == tmp_path / "state" / "bourg"


def test_the_state_is_in_the_users_own_folder_by_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("BEFFROI_STATE", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert state_root() == tmp_path / "beffroi"


def test_what_is_kept_is_closed_to_others(state: StackState) -> None:
    assert [path.stat().st_mode & 0o777 for path in (state.folder, state.part("ssh"))] == [0o700, 0o700]


def test_the_passphrase_is_readable_by_its_user_alone(state: StackState) -> None:
    assert state.passphrase_file().stat().st_mode & 0o777 == 0o600


def test_the_passphrase_is_long_enough_to_guess_nothing(state: StackState) -> None:
    assert len(state.passphrase_file().read_text()) >= 40


def test_the_passphrase_is_made_once(state: StackState) -> None:
    first = state.passphrase_file().read_text()
    assert state.passphrase_file().read_text() == first


def test_two_stacks_have_two_passphrases(state: StackState) -> None:
    assert state.passphrase_file().read_text() != StackState("other").passphrase_file().read_text()


def test_processes_that_race_agree_on_one_passphrase(state: StackState) -> None:
    racers = [
        subprocess.Popen([sys.executable, "-c", RACE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("x")
        racer.stdin.flush()
    answers = {racer.communicate(timeout=30)[0].strip() for racer in racers}
    assert answers == {state.passphrase_file().read_text()}
    assert [path.name for path in state.folder.iterdir()] == ["passphrase"]


def test_a_stack_that_another_process_holds_is_refused_with_its_number(state: StackState) -> None:
    with _holder() as holder, pytest.raises(Interrupted) as refused, state.alone():
        pass
    assert str(holder.pid) in refused.value.what


def test_another_stack_is_free_meanwhile(state: StackState) -> None:
    with _holder(), StackState("other").alone():
        assert state.folder.is_dir()


def test_a_holder_that_is_killed_holds_nothing_any_more(state: StackState) -> None:
    with _holder() as holder:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        with state.alone():
            assert (state.folder / "lock").read_text() != str(holder.pid)


def test_a_stack_is_free_again_after_a_mistake(state: StackState) -> None:
    with pytest.raises(ZeroDivisionError), state.alone():
        _ = 1 / 0
    with state.alone():
        pass
