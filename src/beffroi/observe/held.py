"""One held SSH connection: each command in a channel of its own, within bounds that the host cannot stretch."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import asyncssh

from beffroi.errors import CouldNotLook
from beffroi.messages import say

from .connection import Bounds, Completed, CutShort
from .faults import BROKEN, could_not_look

_CHANNELS_AT_ONCE = 4
"""sshd serves ten sessions a connection (MaxSessions, sshd_config(5)), and counts those given up that still run."""

_GOODBYE_SECONDS = 2.0


class _TooMuchError(Exception):
    """The command printed beyond its bound."""


class _Gathering(asyncssh.SSHClientSession[bytes]):
    """Gathers what one command prints; `over` is set when its channel is closed, or as soon as it prints too much."""

    def __init__(self, limit: int) -> None:
        self._said = {None: bytearray(), asyncssh.EXTENDED_DATA_STDERR: bytearray()}
        self.exit_code: int | None = None
        self.over = asyncio.Event()
        self.error: Exception | None = None
        self.opened = False
        self.ended = False
        self._left = limit

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        """Keep what the command prints."""
        self._left -= len(data)
        if self._left < 0:
            self._end(_TooMuchError())
        else:
            self._said[datatype] += data

    def printed(self) -> tuple[bytes, bytes]:
        """Return what the command printed so far, on its standard output and its standard error."""
        stdout, stderr = self._said.values()
        return bytes(stdout), bytes(stderr)

    def eof_received(self) -> bool:
        """Leave our side open: the command's input ends when it was all written."""
        return True

    def exit_status_received(self, status: int) -> None:
        """Keep the command's exit code."""
        self.exit_code = status

    def exit_signal_received(self, signal: str, core_dumped: bool, msg: str, lang: str) -> None:  # noqa: ARG002, FBT001 - asyncssh's face
        """Keep the signal that ended the command, as a shell counts it; a name that is none leaves no exit code."""
        self.exit_code = _SIGNALS.get(f"SIG{signal}")

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end of the channel."""
        self.ended = True
        self._end(exc)

    def _end(self, error: Exception | None) -> None:
        if not self.over.is_set():
            self.error = error
            self.over.set()


_SIGNALS = {number.name: 128 + number for number in signal.Signals}


@dataclass
class HeldConnection:
    """A Connection (see there) over asyncssh; what `let_go` holds is called once it is closed."""

    host: str
    ssh: asyncssh.SSHClientConnection
    let_go: tuple[Callable[[], Awaitable[None]], ...] = ()
    _channels: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_CHANNELS_AT_ONCE))

    async def run(self, command: str, *, stdin: bytes = b"", bounds: Bounds) -> Completed:
        """Run a command by the login shell, feed it `stdin`, and return what it left behind; raise CouldNotLook.

        A command that is given up is killed on the host, if it lets us.
        """
        session = _Gathering(bounds.output)
        async with self._channels:
            try:
                async with asyncio.timeout(bounds.seconds):
                    await self._run(command, stdin, session)
            except TimeoutError:
                raise self._cut_short(say("observe-too-slow", seconds=bounds.seconds), session) from None
            except _TooMuchError:
                raise self._cut_short(say("observe-too-much", limit=bounds.output), session) from None
            except BROKEN as error:
                raise self._cut_short(could_not_look(error, self.host).what, session) from None
        if session.exit_code is None:
            raise self._cut_short(say("observe-no-end"), session)
        return Completed(*session.printed(), session.exit_code)

    async def _run(self, command: str, stdin: bytes, session: _Gathering) -> None:
        channel, _ = await self.ssh.create_session(
            lambda: session, command, encoding=None, request_pty=False, x11_forwarding=False
        )
        session.opened = True
        try:
            # A command may end, or never read, before its input is written: that is its right.
            with contextlib.suppress(BrokenPipeError):
                if stdin:
                    channel.write(stdin)
                channel.write_eof()
            await session.over.wait()
        finally:
            if not session.ended:
                with contextlib.suppress(OSError):
                    channel.kill()
                channel.abort()
        if session.error is not None:
            raise session.error

    def _cut_short(self, what: str, session: _Gathering) -> CouldNotLook:
        if not session.opened:
            return CouldNotLook(what, where=self.host)
        stdout, stderr = session.printed()
        return CutShort(what, where=self.host, stdout=stdout, stderr=stderr)

    @property
    def lost(self) -> bool:
        """Tell whether the connection is closed, by whichever side."""
        return self.ssh.is_closed()

    async def close(self) -> None:
        """Let go of the host, politely for a moment; a closed connection may be closed again."""
        self.ssh.close()
        try:
            async with asyncio.timeout(_GOODBYE_SECONDS):
                await self.ssh.wait_closed()
        except (TimeoutError, *BROKEN):
            self.ssh.abort()
        for let_go in self.let_go:
            await let_go()
