"""Bounds on what judging untrusted files may cost: wall time and memory of this process."""

from __future__ import annotations

import gc
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from beffroi.errors import CouldNotAct
from beffroi.messages import say

_MEBIBYTE = 1024 * 1024


@contextmanager
def within(*, seconds: int, mebibytes: int) -> Iterator[None]:
    """Hold what follows to a time and a memory; raise CouldNotAct beyond. In the main thread, starting no program.

    The memory is what may be taken from now on: what the process holds already, libraries above all, is not counted.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    bound = _held() + mebibytes * _MEBIBYTE
    bound = bound if hard == resource.RLIM_INFINITY else min(bound, hard)
    before = signal.signal(signal.SIGALRM, _too_long)
    signal.alarm(seconds)
    try:
        resource.setrlimit(resource.RLIMIT_AS, (bound, hard))
        with uncollected():
            yield
    except _TooLongError as error:
        raise CouldNotAct(say("review-time", seconds=seconds), hint=say("review-time-hint")) from error
    except MemoryError as error:
        raise CouldNotAct(say("review-memory", mebibytes=mebibytes), hint=say("review-memory-hint")) from error
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@contextmanager
def uncollected() -> Iterator[None]:
    """Let nobody look for cycles meanwhile: values are trees, and a large town's millions cost a third of the time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _held() -> int:
    """Return the bytes of this process's address space (proc_pid_statm(5))."""
    return int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()


class _TooLongError(BaseException):
    """The time is over; no `except Exception` on the way may swallow it."""


def _too_long(_signal: int, _frame: FrameType | None) -> None:
    raise _TooLongError
