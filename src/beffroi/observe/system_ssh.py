"""A connection over the system's own `ssh`: whatever its configuration reaches, by its known hosts and its jumps."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from beffroi.errors import CouldNotLook
from beffroi.messages import say

from .connection import Bounds, Completed, CutShort

_SSH_FAILED = 255
_GOODBYE_SECONDS = 5.0
_OPENING = Bounds(seconds=30.0, output=64 * 1024)
"""What connecting may cost before there is anything to ask: a banner, and no more."""


class _TooMuchError(Exception):
    """The command printed beyond its bound."""


@dataclass
class SystemSsh:
    """A Connection (see there) over `ssh`, with `options` before the host's name.

    One session of `ssh` serves all commands as long as its configuration keeps one (ControlMaster); `held` makes one
    here, in a folder of its own that ends with `close()`.
    """

    host: str
    options: Sequence[str] = ()
    held: bool = False
    destination: str = ""
    _sockets: str = field(default="", init=False)
    _opening: asyncio.Task[None] | None = field(default=None, init=False)

    def open(self) -> None:
        """Begin to connect before there is anything to ask; whoever asks meanwhile waits, and tries again if it failed.

        Call it from the event loop that runs the commands. A connection that is not held has nothing to begin.
        """
        if self.held and self._opening is None:
            self._opening = asyncio.create_task(self._open())

    async def _open(self) -> None:
        with contextlib.suppress(CouldNotLook):
            await self._run("exit 0", b"", _OPENING)

    async def run(self, command: str, *, stdin: bytes = b"", bounds: Bounds) -> Completed:
        """Run a command by the login shell, feed it `stdin`, and return what it left behind; raise CouldNotLook.

        `ssh` ends with 255 when it could not connect, and also when the command did, or a signal ended it: what the
        command printed before is in the CutShort that is raised.
        """
        if self._opening is not None:
            await asyncio.shield(self._opening)
        return await self._run(command, stdin, bounds)

    async def _run(self, command: str, stdin: bytes, bounds: Bounds) -> Completed:
        transport, talk = await self._start(command, bounds.output)
        try:
            async with asyncio.timeout(bounds.seconds):
                _feed(transport, stdin)
                await talk.over
        except TimeoutError:
            raise self._cut_short(say("observe-too-slow", seconds=bounds.seconds), talk) from None
        except _TooMuchError:
            raise self._cut_short(say("observe-too-much", limit=bounds.output), talk) from None
        finally:
            transport.close()  # kills what still runs; whoever still holds its pipes is not waited for
            await talk.exited
        stdout, stderr = bytes(talk.stdout), bytes(talk.stderr)
        code = transport.get_returncode()
        if code is None or code in {_SSH_FAILED, -9}:
            # At this log level ssh says nothing when the other end hangs up.
            words = stderr.decode("utf-8", "replace").strip()[-500:] or say("observe-hung-up")
            reason = say("observe-no-ssh", words=words)
            raise self._cut_short(reason, talk) if stdout else CouldNotLook(reason, where=self.host)
        return Completed(stdout, stderr, code)

    def _cut_short(self, reason: str, talk: _Talk) -> CutShort:
        return CutShort(reason, where=self.host, stdout=bytes(talk.stdout), stderr=bytes(talk.stderr))

    async def _start(self, command: str, limit: int) -> tuple[asyncio.SubprocessTransport, _Talk]:
        # Fixed program; a name that begins with a dash would be read as an option, so what follows is none.
        argv = ["ssh", *self.options, *self._master(), "-T", "--", self.destination or self.host, command]
        loop = asyncio.get_running_loop()
        try:
            return await loop.subprocess_exec(lambda: _Talk(limit), *argv)
        except (OSError, ValueError) as error:
            raise CouldNotLook(say("observe-no-ssh", words=error), where=self.host) from None

    def _master(self) -> list[str]:
        if not self.held:
            return []
        if not self._sockets:
            self._sockets = tempfile.mkdtemp(prefix="beffroi-ssh-")
        path = self._sockets.replace("%", "%%")
        return ["-o", "ControlMaster=auto", "-o", "ControlPersist=60", "-o", f"ControlPath={path}/%C"]

    async def close(self) -> None:
        """End the session that this connection holds, if it holds one."""
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.wait([self._opening])
            self._opening = None
        if not self._sockets:
            return
        argv = ["ssh", *self.options, *self._master(), "-O", "exit", "--", self.destination or self.host]
        null = asyncio.subprocess.DEVNULL
        with contextlib.suppress(OSError):
            process = await asyncio.create_subprocess_exec(*argv, stdin=null, stdout=null, stderr=null)
            try:
                await asyncio.wait_for(process.wait(), _GOODBYE_SECONDS)
            except TimeoutError:
                process.kill()
                await process.wait()
        shutil.rmtree(self._sockets, ignore_errors=True)
        self._sockets = ""


def town_ssh(name: str, ssh_config: Path) -> SystemSsh:
    """Return the way to the machine `name` of a town: its `ssh_config` knows the keys, and keeps the connections."""
    return SystemSsh(name, options=("-F", str(ssh_config)))


def _feed(transport: asyncio.SubprocessTransport, stdin: bytes) -> None:
    pipe = transport.get_pipe_transport(0)
    assert isinstance(pipe, asyncio.WriteTransport)  # noqa: S101 - standard input is a pipe
    if stdin:
        pipe.write(stdin)
    pipe.close()  # once all is written


class _Talk(asyncio.SubprocessProtocol):
    """Gathers what a program prints; `over` is done when it has ended and its pipes too, or when it prints too much."""

    def __init__(self, limit: int) -> None:
        loop = asyncio.get_running_loop()
        self.stdout, self.stderr = bytearray(), bytearray()
        self.over: asyncio.Future[None] = loop.create_future()
        self.exited: asyncio.Future[None] = loop.create_future()
        self._limit = limit

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Keep what the program prints."""
        kept = self.stdout if fd == 1 else self.stderr
        kept += data
        if len(kept) > self._limit and not self.over.done():
            self.over.set_exception(_TooMuchError())

    def process_exited(self) -> None:
        """Note that the program has ended; its pipes may still be held by another one."""
        self.exited.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's face
        """Note that all is over."""
        if not self.over.done():
            self.over.set_result(None)
