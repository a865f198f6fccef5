"""Checks run ahead of their time, for what they ask alone: their outcome is thrown away, the answers are remembered.

A check that would touch this computer meanwhile (write a file, start a program, open a connection, sleep) is given up
before it does, and so is one that would act on the host: they do so once, when their turn comes.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import warnings
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from functools import cache, partial
from pathlib import Path
from typing import Any

from testinfra.host import Host as LiveHost

from .backend import BatchingBackend, NotAhead
from .batch import Answer
from .waves import Ended, in_wave, waves

Body = Callable[[LiveHost], object]
"""One check, given the host that it is about."""

_Waves = Generator[tuple[str, ...], Mapping[str, object], list[Ended[object]]]

# What testinfra itself wants to know of every host before it asks anything about it: one round trip instead of five.
_FIRST = (
    "uname -s",
    "uname -m",
    "cat /etc/os-release",
    *(f"command -v {name}" for name in ("command", "dpkg-query", "ip", "rpm", "apk", "ss", "sysctl", "systemctl")),
    "command -v /sbin/sysctl",
    "command -v /usr/sbin/sysctl",
)

_ACTS = frozenset(
    {
        *(
            f"os.{name}"
            for name in ("chmod", "chown", "exec", "fork", "kill", "link", "mkdir", "posix_spawn", "remove")
        ),
        *(f"os.{name}" for name in ("rename", "rmdir", "symlink", "system", "truncate", "utime")),
        *("shutil.copyfile", "shutil.move", "shutil.rmtree", "socket.bind", "socket.connect", "socket.sendto"),
        *("subprocess.Popen", "tempfile.mkdtemp", "tempfile.mkstemp", "time.sleep", "urllib.Request"),
    }
)
"""What Python tells auditors of that acts on this computer or beyond it (PEP 578; Python's table of audit events)."""


def run_ahead(checks: Mapping[BatchingBackend, Sequence[Body]]) -> None:
    """Run every check of every host until none has anything more to ask; hosts go side by side."""
    _guard()
    with _unheard():
        side_by_side = {
            backend: waves([partial(body, backend.twin()) for body in bodies]) for backend, bodies in checks.items()
        }
        asked: dict[Future[dict[str, Answer]], BatchingBackend] = {}
        for backend, of_host in side_by_side.items():
            _go_on(backend, of_host, None, asked)
        while asked:
            done, _ = wait(asked, return_when=FIRST_COMPLETED)
            for future in done:
                backend = asked.pop(future)
                _go_on(backend, side_by_side[backend], future.result(), asked)


def _go_on(
    backend: BatchingBackend,
    of_host: _Waves,
    answers: dict[str, Answer] | None,
    asked: dict[Future[dict[str, Answer]], BatchingBackend],
) -> None:
    """Give a host's checks their answers, and ask what they want to know next."""
    for command, answer in (answers or {}).items():
        backend.known.keep(command, answer)
    with contextlib.suppress(StopIteration):
        commands = next(of_host) if answers is None else of_host.send(answers)
        first = _FIRST if answers is None and not backend.known.lasting else ()
        prefix = [backend.get_command(command) for command in first]
        asked[backend.ask_ahead((*commands, *prefix))] = backend


@contextlib.contextmanager
def _unheard() -> Iterator[None]:
    """Hear nothing of what checks say ahead of their time."""
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        yield


@cache
def _guard() -> None:
    sys.addaudithook(_refuse_to_act)


def _refuse_to_act(event: str, arguments: tuple[Any, ...]) -> None:
    acts = event in _ACTS or (event == "open" and _writes(arguments))
    if acts and in_wave() and not _keeps_bytecode(event, arguments):
        raise NotAhead


def _keeps_bytecode(event: str, arguments: tuple[Any, ...]) -> bool:
    """Tell whether Python writes what it compiled: whatever check imports a module first has not acted by that.

    A file that is opened by its number was let through by its name.
    """
    named = {"open": 1, "os.mkdir": 1, "os.remove": 1, "os.rename": 2}
    paths = arguments[: named.get(event, 0)]
    return bool(paths) and all(isinstance(path, int) or "__pycache__" in Path(str(path)).parts for path in paths)


def _writes(arguments: tuple[Any, ...]) -> bool:
    _, mode, flags = arguments
    if isinstance(mode, str):
        return any(letter in mode for letter in "wax+")
    return bool(flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
