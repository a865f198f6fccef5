import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest

from beffroi.errors import CouldNotLook
from beffroi.observe.recorder import RecordingSsh


class Stub(Protocol):
    config: Path


Plays = Callable[[str], Stub]


def _asked(stub: Stub, seconds: float = 10.0) -> RecordingSsh:
    return RecordingSsh("db", stub.config, seconds=seconds)


def test_an_answer_becomes_a_capture(ssh_plays: Plays) -> None:
    recorder = _asked(ssh_plays("echo out; echo err >&2; exit 3"))
    recorder.run_ssh("look here")
    [capture] = recorder.captures
    assert (capture.host, capture.command, capture.exit_code) == ("db", "look here", 3)
    assert (capture.stdout, capture.stderr) == ("out\n", "err\n")


def test_a_command_reaches_the_host_as_one_word(ssh_plays: Plays) -> None:
    recorder = _asked(ssh_plays('printf %s "$5"'))
    assert recorder.run_ssh("a 'b' $(c) \n d").stdout == "a 'b' $(c) \n d"


def test_ssh_itself_gets_no_terminal_and_no_other_configuration(ssh_plays: Plays) -> None:
    stub = ssh_plays('printf "%s " "$1" "$2" "$3" "$#"')
    assert _asked(stub).run_ssh("true").stdout == f"-F {stub.config} -T 5 "


def test_captures_are_taken_once(ssh_plays: Plays) -> None:
    recorder = _asked(ssh_plays("true"))
    recorder.run_ssh("true")
    assert [len(recorder.take_captures()), len(recorder.take_captures())] == [1, 0]


def test_no_connection_says_what_ssh_said(ssh_plays: Plays) -> None:
    recorder = _asked(ssh_plays("echo 'Connection refused' >&2; exit 255"))
    with pytest.raises(CouldNotLook, match="Connection refused") as error:
        recorder.run_ssh("true")
    assert error.value.where == "db"
    assert not recorder.captures


def test_a_host_that_hangs_is_left_after_the_time_limit(ssh_plays: Plays) -> None:
    begun = time.monotonic()
    with pytest.raises(CouldNotLook):
        _asked(ssh_plays("sleep 60"), seconds=0.3).run_ssh("true")
    assert time.monotonic() - begun < 20


def test_a_host_that_drips_is_left_after_the_time_limit(ssh_plays: Plays) -> None:
    with pytest.raises(CouldNotLook):
        _asked(ssh_plays("while :; do echo drip; sleep 0.05; done"), seconds=0.5).run_ssh("true")


def test_a_host_that_floods_is_left_long_before_the_time_limit(ssh_plays: Plays) -> None:
    begun = time.monotonic()
    with pytest.raises(CouldNotLook, match="8388608"):
        _asked(ssh_plays("exec yes"), seconds=60).run_ssh("true")
    assert time.monotonic() - begun < 30


def test_a_flood_on_standard_error_is_a_flood_too(ssh_plays: Plays) -> None:
    with pytest.raises(CouldNotLook, match="8388608"):
        _asked(ssh_plays("exec yes >&2"), seconds=60).run_ssh("true")


def test_what_outlives_ssh_is_not_waited_for(ssh_plays: Plays) -> None:
    begun = time.monotonic()
    with pytest.raises(CouldNotLook):
        _asked(ssh_plays("sleep 20 & exit 0"), seconds=0.5).run_ssh("true")
    assert time.monotonic() - begun < 10


def test_bytes_that_are_no_text_are_kept_readable(ssh_plays: Plays) -> None:
    recorder = _asked(ssh_plays(r"printf '\033[2J\377\000x'"))
    recorder.run_ssh("true")
    assert recorder.captures[0].stdout == "\x1b[2J\ufffd\x00x"


def test_a_missing_right_fails_instead_of_asking_for_a_password(ssh_plays: Plays) -> None:
    assert _asked(ssh_plays("true")).get_sudo_command("id -u", None) == "sudo -n -u root /bin/sh -c 'id -u'"
