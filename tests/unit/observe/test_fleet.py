"""Hosts that hang, lie, flood or send escape sequences, among honest ones: each spoils its own verdicts alone."""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncssh
import pytest
from ssh_servers import Neighbourhood, Serves

from beffroi.desired import Check, DesiredState
from beffroi.errors import CouldNotLook
from beffroi.judge import judge
from beffroi.observe.connection import Bounds, Completed, Connection
from beffroi.observe.fleet import Asked, Fleet, Seen, Terms, observe_fleet
from beffroi.observe.look import look
from beffroi.observe.ssh import Patience, Switchboard
from beffroi.report.visible import one_line
from beffroi.verdict import Outcome, Verdict

pytestmark = pytest.mark.slow  # liars are waited for

TERMS = Terms(seconds=10, bounds=Bounds(seconds=4, output=200_000))
NOT_TODAY = CouldNotLook("not today")
HONEST = tuple(f"honest-{number}" for number in range(8))


def _place(folder: Path, patch: pytest.MonkeyPatch) -> Neighbourhood:
    """Return a folder for servers whose `sudo` asks nobody, as on a host that lets its auditors look."""
    (folder / "bin").mkdir()
    sudo = folder / "bin" / "sudo"
    sudo.write_text('#!/bin/sh\nshift 3\nexec "$@"\n')
    sudo.chmod(0o755)
    patch.setenv("PATH", f"{sudo.parent}:/usr/bin:/bin:/usr/sbin:/sbin")
    return Neighbourhood(folder)


def _wanted(*hosts: str) -> Fleet:
    """Ask of each host that `/etc` is root's alone to change."""
    root = {"path": "/etc", "owner": "root", "group": "root", "mode": "0755"}
    checks = [Check(host=host, control="files/etc", kind="file_mode", settings=(root,)) for host in hosts]
    return Fleet.of(DesiredState(checks=tuple(checks)))


async def _hangs(process: asyncssh.SSHServerProcess[bytes]) -> None:
    await process.stdin.read()
    await asyncio.sleep(60)


async def _floods(process: asyncssh.SSHServerProcess[bytes]) -> None:
    with contextlib.suppress(asyncssh.Error, ConnectionError):
        while True:
            process.stdout.write(b"y\n" * 8192)
            await process.stdout.drain()


async def _drips(process: asyncssh.SSHServerProcess[bytes]) -> None:
    with contextlib.suppress(asyncssh.Error, ConnectionError):
        while True:
            process.stderr.write(b".")
            await asyncio.sleep(0.05)


async def _says_nothing(process: asyncssh.SSHServerProcess[bytes]) -> None:
    process.exit(0)


async def _paints(process: asyncssh.SSHServerProcess[bytes]) -> None:
    process.stdout.write(b"\x1b[2J\x1b]0;owned\x07pass")
    process.stderr.write(b"\x1b]52;c;cm0gLXJmIC8=\x07\x1b[31m\xe2\x80\xae all is well\r")
    process.exit(0)


async def _hangs_up(process: asyncssh.SSHServerProcess[bytes]) -> None:
    process.channel.get_connection().abort()


async def _ends_by_no_signal(process: asyncssh.SSHServerProcess[bytes]) -> None:
    process.exit_with_signal("\x1b[2J", msg="\x1b]0;owned\x07")


def _forges(frames: Callable[[bytes], bytes]) -> Serves:
    """Answer with frames of the host's own making: it sees the boundary, since its shell is to print it."""

    async def serve(process: asyncssh.SSHServerProcess[bytes]) -> None:
        script = await process.stdin.read()
        found = re.search(rb"[0-9a-f]{32}", script)
        said = frames(found[0] if found else b"?")
        process.stdout.write(said)
        process.stderr.write(said)
        process.exit(0)

    return serve


LIARS = {
    "hangs": _hangs,
    "floods": _floods,
    "drips": _drips,
    "says-nothing": _says_nothing,
    "paints": _paints,
    "hangs-up": _hangs_up,
    "ends-by-no-signal": _ends_by_no_signal,
    "skips-a-frame": _forges(lambda it: it + b" 0 0;" + it + b" 2 0;"),
    "repeats-a-frame": _forges(lambda it: it + b" 0 0;" + it + b" 0 0;" + it + b" 1 0;"),
    "frames-without-end": _forges(lambda it: (it + b" 0 0;") * 3000),
    "frames-of-nonsense": _forges(lambda it: it + b" -1 zero;" + b"\xff\x00\x1b[2J"),
    "facts-of-nonsense": _forges(lambda it: it + b" 0 0;" + b"7|\x1b[2J|\xff|x|/etc\nnot a mode|||\n" + it + b" 1 0;"),
    "numbers-without-end": _forges(
        lambda it: it + b" 0 0;" + b"9" * 5000 + b"|root|root|directory|/etc\n" + it + b" 1 0;"
    ),
}


@pytest.fixture(name="among_liars", scope="module")
def _among_liars(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, Verdict], float]]:
    """Look once at honest hosts among all liars, and at some that nobody can reach."""
    with pytest.MonkeyPatch.context() as patch:
        yield asyncio.run(_look_among_liars(_place(tmp_path_factory.mktemp("liars"), patch)))


async def _look_among_liars(place: Neighbourhood) -> tuple[dict[str, Verdict], float]:
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(place.serve(*HONEST))
        for name, run in LIARS.items():
            await stack.enter_async_context(place.serve(name, run=run))
        silent = await stack.enter_async_context(await asyncio.start_server(_listens, "127.0.0.1", 0))
        place.lead("silent", silent.sockets[0].getsockname()[1], place.client)
        place.lead("absent", 1, place.client)
        fleet = _wanted(*HONEST, *LIARS, "silent", "absent")
        switchboard = await stack.enter_async_context(Switchboard(place.config, Patience(seconds=8, attempts=1)))
        begun = time.monotonic()
        seen = observe_fleet(fleet.asked(), switchboard.connect, TERMS)
        verdicts = {one[0]: fleet.judged(one)[0] async for one in seen}
        return verdicts, time.monotonic() - begun


async def _listens(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        writer.transport.abort()


Among = tuple[dict[str, Verdict], float]


@pytest.mark.parametrize("host", HONEST)
def test_an_honest_host_among_liars_is_judged_by_what_it_is(among_liars: Among, host: str) -> None:
    assert among_liars[0][host].outcome is Outcome.PASS


@pytest.mark.parametrize("host", [*LIARS, "silent", "absent"])
def test_a_host_that_misbehaves_is_an_error_with_its_reason(among_liars: Among, host: str) -> None:
    verdict = among_liars[0][host]
    assert (verdict.outcome, verdict.findings) == (Outcome.ERROR, ())
    assert verdict.reason


@pytest.mark.parametrize("host", LIARS)
def test_nothing_that_a_host_sends_acts_on_a_readers_screen(among_liars: Among, host: str) -> None:
    assert one_line(among_liars[0][host].reason).isprintable()


def test_hosts_that_hang_are_waited_for_together(among_liars: Among) -> None:
    # Four of them hang or drip until their ten seconds are over.
    assert among_liars[1] < 35


class Counting:
    """A way to hosts that counts how many are held, and answers each as it is told to."""

    def __init__(self, answers: Callable[[str], Completed] | None = None) -> None:
        self.held, self.most, self.closed = 0, 0, list[str]()
        self.begun = list[str]()
        self.answers = answers

    async def connect(self, host: str) -> Connection:
        self.begun.append(host)
        self.held += 1
        self.most = max(self.most, self.held)
        return _Counted(host, self)


class _Counted:
    def __init__(self, host: str, counting: Counting) -> None:
        self.host, self._counting = host, counting

    async def run(self, command: str, *, stdin: bytes = b"", bounds: Bounds) -> Completed:  # noqa: ARG002
        await asyncio.sleep(0.001)
        if self._counting.answers is None:
            raise NOT_TODAY
        return self._counting.answers(self.host)

    async def close(self) -> None:
        self._counting.held -= 1
        self._counting.closed.append(self.host)


MANY = tuple(f"host-{number}" for number in range(200))


async def _drawn(counting: Counting, terms: Terms) -> list[Seen]:
    return [one async for one in observe_fleet(_wanted(*MANY).asked(), counting.connect, terms)]


def test_every_host_is_told_once() -> None:
    assert sorted(host for host, _ in asyncio.run(_drawn(Counting(), Terms(at_once=7)))) == sorted(MANY)


def test_no_more_hosts_are_held_at_once_than_agreed() -> None:
    counting = Counting()
    asyncio.run(_drawn(counting, Terms(at_once=7)))
    assert counting.most == 7


def test_every_host_is_let_go_of() -> None:
    counting = Counting()
    asyncio.run(_drawn(counting, Terms(at_once=7)))
    assert sorted(counting.closed) == sorted(MANY)


def test_a_slow_reader_does_not_fill_the_memory() -> None:
    counting = Counting()

    async def session() -> int:
        seen = observe_fleet(_wanted(*MANY).asked(), counting.connect, Terms(at_once=5))
        async for _ in seen:
            await asyncio.sleep(0.05)
            break
        begun = len(counting.begun)
        await seen.aclose()
        return begun

    assert asyncio.run(session()) <= 10


def test_whoever_stops_early_lets_go_of_every_host() -> None:
    counting = Counting()

    async def session() -> None:
        seen = observe_fleet(_wanted(*MANY).asked(), counting.connect, Terms(at_once=5))
        async for _ in seen:
            break
        await seen.aclose()

    asyncio.run(session())
    assert (counting.held, sorted(counting.closed)) == (0, sorted(counting.begun))


def test_the_list_of_hosts_may_be_without_end() -> None:
    def endless() -> Iterator[Asked]:
        number = 0
        while True:
            number += 1
            yield f"host-{number}", {"file_mode": []}

    async def session() -> list[str]:
        seen = observe_fleet(endless(), Counting().connect, Terms(at_once=3))
        told: list[str] = []
        async for host, _ in seen:
            told.append(host)
            if len(told) == 20:
                break
        await seen.aclose()
        return told

    assert len(asyncio.run(session())) == 20


def test_whatever_a_host_brings_about_is_its_own_error() -> None:
    def answers(host: str) -> Completed:
        if host == "host-3":
            message = "a fault of ours\x1b[2J"
            raise ZeroDivisionError(message)
        raise NOT_TODAY

    seen = dict(asyncio.run(_drawn(Counting(answers), Terms())))
    assert len(seen) == len(MANY)
    assert seen["host-3"][0].could_not_look == "ZeroDivisionError: a fault of ours␛[2J"


def test_a_host_of_which_nothing_is_asked_has_no_verdict() -> None:
    fleet = _wanted("db")
    assert fleet.judged(("web", ())) == ()


def test_a_town_of_many_machines_is_looked_at_as_a_fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, told = _place(tmp_path, monkeypatch), list[str]()
    town = tuple(f"machine-{number}" for number in range(40))
    desired = DesiredState(checks=tuple(check for checks in _wanted(*town).checks.values() for check in checks))
    ready, over = threading.Event(), threading.Event()

    async def serve() -> None:
        async with place.serve(*town):
            place.config  # noqa: B018 - written once the port is known
            ready.set()
            await asyncio.to_thread(over.wait)

    hosts = threading.Thread(target=asyncio.run, args=(serve(),))
    hosts.start()
    ready.wait(20)
    try:
        seen = look(desired, town, tmp_path / "ssh_config", seen=lambda it: told.append(it.host))
    finally:
        over.set()
        hosts.join()
    assert [it.host for it in seen] == list(town)
    assert sorted(told) == sorted(town)
    assert {it.outcome for it in judge(desired, seen)} == {Outcome.PASS}
