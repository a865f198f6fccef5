import asyncio
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest

from beffroi.errors import CouldNotLook
from beffroi.observe import system_ssh
from beffroi.observe.connection import Bounds, Completed, CutShort
from beffroi.observe.system_ssh import SystemSsh, town_ssh


class Stub(Protocol):
    config: Path


Plays = Callable[[str], Stub]


def _run(
    stub: Stub, command: str = "true", *, stdin: bytes = b"", seconds: float = 20, output: int = 1 << 20
) -> Completed:
    way = town_ssh("db", stub.config)
    return asyncio.run(way.run(command, stdin=stdin, bounds=Bounds(seconds=seconds, output=output)))


def test_a_command_leaves_its_output_and_code(ssh_plays: Plays) -> None:
    assert _run(ssh_plays("echo out; echo err >&2; exit 3")) == Completed(b"out\n", b"err\n", 3)


def test_a_command_is_fed_its_input(ssh_plays: Plays) -> None:
    assert _run(ssh_plays("wc -c"), stdin=b"x" * 300_000).stdout.strip() == b"300000"


def test_a_command_need_not_read_its_input(ssh_plays: Plays) -> None:
    assert _run(ssh_plays("echo on"), stdin=b"x" * 3_000_000).stdout == b"on\n"


def test_a_command_reaches_the_host_as_one_word(ssh_plays: Plays) -> None:
    assert _run(ssh_plays('printf %s "$5"'), "a 'b' $(c) \n d").stdout == b"a 'b' $(c) \n d"


def test_a_name_that_looks_like_an_option_is_none(ssh_plays: Plays) -> None:
    stub = ssh_plays('printf "%s" "$4"')
    way = SystemSsh("-oProxyCommand=x", options=("-F", str(stub.config)))
    assert asyncio.run(way.run("true", bounds=Bounds(10, 1000))).stdout == b"-oProxyCommand=x"


def test_no_connection_says_what_ssh_said(ssh_plays: Plays) -> None:
    with pytest.raises(CouldNotLook, match="Connection refused") as error:
        _run(ssh_plays("echo 'Connection refused' >&2; exit 255"))
    assert error.value.where == "db"
    assert not isinstance(error.value, CutShort)


def test_a_host_that_hangs_up_midway_is_cut_short(ssh_plays: Plays) -> None:
    with pytest.raises(CutShort) as error:
        _run(ssh_plays("echo half; exit 255"))
    assert error.value.stdout == b"half\n"


@pytest.mark.slow
@pytest.mark.parametrize("script", ["echo half; sleep 60", "echo half; sleep 30 & exit 0", "echo half; exec sleep 60"])
def test_a_host_that_hangs_is_left_after_the_time_limit(ssh_plays: Plays, script: str) -> None:
    begun = time.monotonic()
    with pytest.raises(CutShort) as error:
        _run(ssh_plays(script), seconds=2)
    assert time.monotonic() - begun < 20
    assert error.value.stdout == b"half\n"


@pytest.mark.parametrize("script", ["exec yes", "exec yes >&2"])
def test_a_host_that_floods_is_left_long_before_the_time_limit(ssh_plays: Plays, script: str) -> None:
    begun = time.monotonic()
    with pytest.raises(CutShort, match="1000000"):
        _run(ssh_plays(script), seconds=60, output=1_000_000)
    assert time.monotonic() - begun < 20


def test_a_session_that_is_held_ends_with_its_folder(ssh_plays: Plays) -> None:
    way = SystemSsh("db", options=("-F", str(ssh_plays('echo "$*"').config)), held=True)

    async def twice() -> str:
        said = await way.run("true", bounds=Bounds(10, 1000))
        await way.close()
        await way.close()
        return said.stdout.decode()

    folder = re.search(r"ControlPath=(\S+)/%C", asyncio.run(twice()))
    assert folder
    assert not Path(folder[1]).exists()


def test_who_asks_while_it_connects_asks_over_the_connection_that_was_begun(ssh_plays: Plays, tmp_path: Path) -> None:
    log = tmp_path / "log"
    stub = ssh_plays(f'echo "begin $*" >> {log}; sleep 0.3; echo "end $*" >> {log}')
    way = SystemSsh("db", options=("-F", str(stub.config)), held=True)

    async def opened_then_asked() -> None:
        way.open()
        way.open()
        await way.run("true", bounds=Bounds(10, 1000))
        await way.close()

    asyncio.run(opened_then_asked())
    said = [(line.split()[0], line.split()[-1]) for line in log.read_text().splitlines()]
    assert said[:4] == [("begin", "0"), ("end", "0"), ("begin", "true"), ("end", "true")]


def test_a_connection_that_could_not_be_begun_is_tried_again_by_who_asks(ssh_plays: Plays, tmp_path: Path) -> None:
    stub = ssh_plays(f"test -e {tmp_path}/second || {{ touch {tmp_path}/second; exit 255; }}; echo there")
    way = SystemSsh("db", options=("-F", str(stub.config)), held=True)

    async def opened_then_asked() -> bytes:
        way.open()
        return (await way.run("true", bounds=Bounds(10, 1000))).stdout

    assert asyncio.run(opened_then_asked()) == b"there\n"


def test_a_connection_that_nobody_used_is_ended_while_it_is_begun(
    ssh_plays: Plays, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system_ssh, "_GOODBYE_SECONDS", 0.5)
    way = SystemSsh("db", options=("-F", str(ssh_plays("exec sleep 60").config)), held=True)

    async def opened_then_closed() -> None:
        way.open()
        await asyncio.sleep(0.2)
        await way.close()

    begun = time.monotonic()
    asyncio.run(opened_then_closed())
    assert time.monotonic() - begun < 20


def test_without_ssh_nobody_looks(ssh_plays: Plays, monkeypatch: pytest.MonkeyPatch) -> None:
    stub = ssh_plays("true")
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(CouldNotLook):
        _run(stub)
