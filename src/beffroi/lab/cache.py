"""What set-up prepares once and every lab shares: built beside its place, then renamed, by one builder at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from .command import run

Progress = Callable[[str], None]
"""Receives one sentence, in the reader's language, each time a long piece of work moves on."""


def cache_folder() -> Path:
    """Return the folder of what is prepared once: BEFFROI_CACHE, else `/var/cache/beffroi` (root's, as the lab is)."""
    return Path(os.environ.get("BEFFROI_CACHE") or "/var/cache/beffroi")


@contextmanager
def alone(name: str) -> Iterator[None]:
    """Wait until no other process builds `name`. The kernel drops the lock with the process, however it ends."""
    cache_folder().mkdir(parents=True, exist_ok=True)
    with (cache_folder() / f".{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def build_once(folder: Path, build: Callable[[Path], None]) -> Path:
    """Return `folder`, filled by `build` unless it exists already.

    `build` fills a folder beside it, renamed only when it is whole and on disk: cut short at any point, even by the
    power, nothing half made is ever taken for the real one. What a build cut short left behind is removed first.
    """
    with alone(folder.name):
        if not folder.exists():
            unfinished = folder.with_name(f".building-{folder.name}")
            remove_tree(unfinished)
            unfinished.mkdir(parents=True)
            build(unfinished)
            os.sync()
            unfinished.rename(folder)
    return folder


def remove_tree(folder: Path) -> None:
    """Remove `folder` and all that is in it, without ever crossing into something mounted there."""
    run(["rm", "-rf", "--one-file-system", "--", str(folder)])
