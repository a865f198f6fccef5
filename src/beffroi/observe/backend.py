"""`--hosts=beffroi://[user@]host[:port]`: testinfra over one held connection, its questions asked ahead and together.

What testinfra's own `ssh` backend answers, this one answers too, to the byte. A command that only looks (`probes`) may
have been answered before it is asked; anything else runs at its own time, and then nothing that was known counts.
"""

from __future__ import annotations

import asyncio
import atexit
import copy
import shlex
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar

from testinfra.backend.base import CommandResult
from testinfra.backend.ssh import SshBackend
from testinfra.host import Host as LiveHost

from .batch import Answer, Batches
from .connection import Bounds, Completed
from .probes import Probe, probe
from .system_ssh import SystemSsh
from .waves import in_wave, park

_Value = TypeVar("_Value")

_AHEAD = Bounds(seconds=30.0, output=32 * 1024 * 1024)
"""What asking ahead may cost: whatever takes longer, or says more, is asked again at its own time."""

_ALONE = Bounds(seconds=3600.0, output=1024 * 1024 * 1024)
"""What a command at its own time may cost: testinfra's `ssh` sets no limit, and a suite may install packages."""


class NotAhead(BaseException):
    """Something cannot be done ahead of its time: the check that tried is given up, and runs when its turn comes."""


@dataclass
class Known:
    """What is known of a host without asking: what lasts, and what passes, told once to each check."""

    lasting: dict[str, Completed] = field(default_factory=dict)
    passing: dict[str, Completed] = field(default_factory=dict)
    stale: bool = False
    _told: set[str] = field(default_factory=set)

    def begin_check(self) -> None:
        """Begin another check, which may be told again what passes."""
        self._told.clear()

    def take(self, command: str) -> Completed | None:
        """Return what is known, if anything is."""
        if command in self.lasting:
            return self.lasting[command]
        if command in self._told:
            return None
        self._told.add(command)
        return self.passing.get(command)

    def was_told(self, command: str) -> bool:
        """Tell whether the check has asked this before, of something that passes."""
        return command in self._told

    def keep(self, command: str, answer: Answer) -> None:
        """Remember an answer, if it is one and its command only looks."""
        if isinstance(answer, Completed):
            sort = probe(command)
            if sort is not Probe.NONE:
                (self.lasting if sort is Probe.LASTING else self.passing)[command] = answer

    def forget(self) -> None:
        """Forget everything: a command may have changed the host."""
        self.stale = bool(self.lasting or self.passing)
        self.lasting.clear()
        self.passing.clear()


class BatchingBackend(SshBackend):  # type: ignore[misc] # testinfra is typed loosely
    """testinfra's `ssh` backend, with its options, but for passwords: a key or an agent leads in, or nothing does."""

    NAME = "beffroi"

    def __init__(self, hostspec: str, *args: Any, **options: Any) -> None:  # noqa: ANN401 - testinfra's own arguments
        super().__init__(hostspec, *args, **options)
        if self.host.password:
            message = "beffroi:// takes no password: use a key or an agent"
            raise ValueError(message)
        self.known = Known()
        self._ssh = self._way()
        self.batches = Batches(self._ssh, _AHEAD)
        self._ahead = False
        _opened().append(self)

    def _way(self) -> SystemSsh:
        options = [*shlex.split(self.ssh_extra_args or ""), "-o", "BatchMode=yes"]
        for flag, value in (("-F", self.ssh_config), ("-i", self.ssh_identity_file)):
            options += [flag, value] if value else []
        for name, value in (("User", self.host.user), ("Port", self.host.port), ("ConnectTimeout", self.timeout)):
            options += ["-o", f"{name}={value}"] if value else []
        return SystemSsh(self.hostname, options=options, held=True)

    def run(self, command: str, *args: str, **_: object) -> CommandResult:
        """Return what `command` leaves behind, known already or not."""
        command = self.get_command(command, *args)
        done = self._run_ahead(command) if in_wave() else self._run_now(command)
        return self.result(done.exit_code, self.encode(command), done.stdout, done.stderr)

    def _run_now(self, command: str) -> Completed:
        if (known := self.known.take(command)) is not None:
            return known
        acts = probe(command) is Probe.NONE
        if acts:
            self.known.forget()
        done = wait_for(self.batches.connection.run(command, bounds=_ALONE))
        if not acts:
            self.known.keep(command, done)
        return done

    def _run_ahead(self, command: str) -> Completed:
        # `host.sudo()` swaps a method of the backend: only one's own may be swapped while others run.
        # And who asks twice for what passes is waiting for it to change.
        if not self._ahead or probe(command) is Probe.NONE or self.known.was_told(command):
            raise NotAhead
        if (known := self.known.take(command)) is not None:
            return known
        answer = park(command)
        if not isinstance(answer, Completed):
            raise NotAhead
        return answer

    def twin(self) -> LiveHost:
        """Return a host for one check that runs ahead: the same machine and knowledge, and nothing else in common."""
        other = copy.copy(self)
        other.known = copy.copy(self.known)
        other.known._told = set()  # noqa: SLF001 - a twin is of the same class
        other._ahead = True  # noqa: SLF001
        host = LiveHost(other)
        other.set_host(host)
        return host

    def ask_ahead(self, commands: tuple[str, ...]) -> Future[dict[str, Answer]]:
        """Begin to ask `commands`; what they answer is remembered by whoever waits for it."""
        return asyncio.run_coroutine_threadsafe(self.batches.ask(commands), _loop())

    def open(self) -> None:
        """Begin to connect, and do not wait for it."""
        _loop().call_soon_threadsafe(self._ssh.open)

    def close(self) -> None:
        """End the connection; the next command opens another one."""
        wait_for(self.batches.connection.close())


def open_all() -> None:
    """Begin to connect to every host of this process's backends that is not yet connected to, and wait for none."""
    for backend in _opened():
        backend.open()


def close_all() -> None:
    """End every connection that a backend of this process holds."""
    while _opened():
        _opened().pop().close()


@cache
def _opened() -> list[BatchingBackend]:
    atexit.register(close_all)
    return []


def wait_for(work: Coroutine[Any, Any, _Value]) -> _Value:
    """Do asynchronous work from ordinary code, whatever event loop a test may run."""
    return asyncio.run_coroutine_threadsafe(work, _loop()).result()


@cache
def _loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="beffroi-ssh", daemon=True).start()
    return loop
