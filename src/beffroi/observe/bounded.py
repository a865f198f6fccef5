"""Run a program that talks with a host that may lie: neither its time nor what it says is without a limit."""

from __future__ import annotations

import os
import selectors
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass

_CHUNK = 1 << 16


class TooSlowError(Exception):
    """The program did not end in time."""


class TooMuchError(Exception):
    """The program said more than it may."""


@dataclass(frozen=True)
class Answer:
    """What the program said, and its exit code."""

    stdout: bytes
    stderr: bytes
    code: int


def run_bounded(argv: Sequence[str], *, seconds: float, limit: int) -> Answer:
    """Run `argv` without input; raise TooSlowError after `seconds`, TooMuchError beyond `limit` bytes in all.

    `subprocess.run` would keep all that a flooding host sends until the time is over, and after that wait for whoever
    still holds the pipes, such as a jump's own `ssh`.
    """
    deadline = time.monotonic() + seconds
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            stdout, stderr = _read(process, deadline, limit)
            code = process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired as error:
            raise TooSlowError from error
        finally:
            process.kill()  # nothing to do when it has ended
    return Answer(stdout, stderr, code)


def _read(process: subprocess.Popen[bytes], deadline: float, limit: int) -> tuple[bytes, bytes]:
    said = {process.stdout: bytearray(), process.stderr: bytearray()}
    with selectors.DefaultSelector() as ready:
        for stream in said:
            assert stream is not None  # noqa: S101 - both are pipes
            ready.register(stream, selectors.EVENT_READ)
        while ready.get_map():
            left = deadline - time.monotonic()
            if left <= 0:
                raise TooSlowError
            for key, _ in ready.select(left):
                piece = os.read(key.fd, _CHUNK)
                if not piece:
                    ready.unregister(key.fileobj)
                said[key.fileobj] += piece  # type: ignore[index] # the selector only knows the two streams
            if sum(map(len, said.values())) > limit:
                raise TooMuchError
    stdout, stderr = said.values()
    return bytes(stdout), bytes(stderr)
