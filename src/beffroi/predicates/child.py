"""The process in which one predicate of a town is run: it reads a question, answers, and ends.

It is started by `asking.py` with the standard library alone, an empty environment, and shuts itself off before the
predicate's first line: no network and no file but Python's own library (where the kernel offers namespaces and
Landlock), nothing written, bounded memory and time. The question and the answer are JSON, on standard input and output.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import sys
import traceback
from collections.abc import Callable
from itertools import islice
from typing import Any

MOST = 1_000
"""What one predicate may find; beyond, its answer is refused."""

_NEW_USER, _NEW_NET, _NEW_IPC = 0x10000000, 0x40000000, 0x08000000
_NO_NEW_PRIVILEGES = 38
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_EVERY_RIGHT, _READ = (1 << 13) - 1, 1 << 2 | 1 << 3
_OPEN_PATH, _ALLOWED_BELOW = 0o10000000, 1


class _Attributes(ctypes.Structure):
    """`struct landlock_ruleset_attr` of its first version (linux/landlock.h)."""

    _fields_ = (("handled_access_fs", ctypes.c_uint64),)


class _Below(ctypes.Structure):
    """`struct landlock_path_beneath_attr`."""

    _pack_ = 1
    _fields_ = (("allowed_access", ctypes.c_uint64), ("parent_fd", ctypes.c_int32))


def main() -> None:
    """Answer the question on standard input."""
    question = json.loads(sys.stdin.buffer.read())
    answer = os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    _shut_off()
    _bound(question["seconds"], question["mebibytes"])
    try:
        told: dict[str, Any] = {"found": _found(question)}
    except MemoryError:
        told = {"fault": "memory", "line": 0, "words": ""}
    except BaseException as error:  # noqa: BLE001 - whatever it raises, SystemExit too, is the answer
        told = {"fault": "failed", "line": _line(error, question["file"]), "words": _words(error)}
    with os.fdopen(answer, "wb") as out:
        out.write(json.dumps(told).encode("utf-8", "replace"))


def _found(question: dict[str, Any]) -> list[Any]:
    namespace: dict[str, Any] = {"__name__": "predicate", "__file__": question["file"]}
    exec(compile(question["text"], question["file"], "exec", dont_inherit=True), namespace)  # noqa: S102 - it is asked for
    find: Callable[..., Any] = namespace["find"]
    found = list(islice(iter(find(question["proposal"], question["params"])), MOST + 1))
    json.dumps(found)  # here, so that what is no JSON is told as the predicate's own fault
    return found


def _line(error: BaseException, file: str) -> int:
    if isinstance(error, SyntaxError) and error.filename == file:
        return error.lineno or 1
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return lines[-1] or 1 if lines else 1


def _words(error: BaseException) -> str:
    if isinstance(error, KeyError) and error.args == ("find",):
        return "it defines no function `find(proposal, params)`"
    try:
        return f"{type(error).__name__}: {error}"[:500]
    except Exception:  # noqa: BLE001 - an exception that cannot say what it is
        return type(error).__name__[:500]


def _bound(seconds: int, mebibytes: int) -> None:
    limits = {
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_AS: mebibytes * 1024 * 1024,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_NOFILE: 32,
    }
    for what, most in limits.items():
        hard = resource.getrlimit(what)[1]
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (bound, bound))


def _shut_off() -> None:
    """Leave the network and the files behind, as far as this kernel lets us: older ones know neither."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_NEW_USER | _NEW_NET | _NEW_IPC):
        libc.unshare(_NEW_NET | _NEW_IPC)
    libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    rights = _Attributes(_EVERY_RIGHT)
    rules = libc.syscall(_CREATE_RULESET, ctypes.byref(rights), ctypes.c_size_t(ctypes.sizeof(rights)), 0)
    if rules < 0:
        return
    for folder in filter(os.path.isdir, sys.path):
        below = _Below(_READ, os.open(folder, _OPEN_PATH))
        libc.syscall(_ADD_RULE, rules, _ALLOWED_BELOW, ctypes.byref(below), 0)
    libc.syscall(_RESTRICT_SELF, rules, 0)


if __name__ == "__main__":
    main()
