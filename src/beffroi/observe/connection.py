"""What a way to a host offers, whatever carries it: one command in, what it printed out, within bounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from beffroi.errors import CouldNotLook


@dataclass(frozen=True)
class Completed:
    """What a command left behind: bytes as printed, and its exit code (128 + n when signal n ended it)."""

    stdout: bytes
    stderr: bytes
    exit_code: int


@dataclass(frozen=True)
class Bounds:
    """What one command may cost: seconds until it must have ended, bytes that it may print on both streams together."""

    seconds: float
    output: int


class CutShort(CouldNotLook):
    """The host was reached and began to answer, then hung, printed too much or hung up.

    `stdout` and `stderr` are what it had printed by then: whole frames among it are answers all the same.
    """

    def __init__(self, what: str, *, where: str, stdout: bytes = b"", stderr: bytes = b"") -> None:
        super().__init__(what, where=where)
        self.stdout = stdout
        self.stderr = stderr


class Connection(Protocol):
    """A held way to one host, as one user."""

    @property
    def host(self) -> str:
        """Return the name that the city gives the host."""
        ...

    async def run(self, command: str, *, stdin: bytes = b"", bounds: Bounds) -> Completed:
        """Run a command by the login shell, feed it `stdin`, and return what it left behind.

        Raise CouldNotLook when the host does not answer, is not the one expected, hangs or prints beyond its bounds;
        CutShort rather, with what was printed so far, once the host has been reached.
        """
        ...

    async def close(self) -> None:
        """Let go of the host; a closed connection may be closed again."""
        ...
