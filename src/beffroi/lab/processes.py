"""Which processes belong to a machine of the lab: found by what they are, so that no pid file can lie."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

from beffroi.errors import CouldNotAct
from beffroi.messages import say

_POLL = 0.05


def container_of(root: Path) -> int | None:
    """Return the pid of the systemd-nspawn that runs the machine whose root folder is `root`, or None."""
    wanted = os.fsencode(root)
    for pid in _pids():
        with contextlib.suppress(OSError):
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if words[0].endswith(b"systemd-nspawn") and wanted in words:
                return pid
    return None


def first_process(container: int) -> int | None:
    """Return the pid, as seen from here, of the container's init; None before it has started."""
    with contextlib.suppress(OSError, ValueError):
        children = Path(f"/proc/{container}/task/{container}/children").read_text().split()
        return int(children[-1]) if children else None
    return None


def end_container(root: Path, *, seconds: float = 15.0) -> None:
    """Pull the machine's plug and wait until nothing of it runs; raise CouldNotAct when it stays."""
    deadline = time.monotonic() + seconds
    while (container := container_of(root)) is not None:
        if time.monotonic() > deadline:
            raise CouldNotAct(say("lab-machine-stays", root=root, pid=container))
        init = first_process(container)
        with contextlib.suppress(ProcessLookupError):
            # Killing a pid namespace's init ends everything in it; nspawn then unmounts and leaves by itself.
            os.kill(init or container, signal.SIGKILL)
        time.sleep(_POLL)


def end_members(namespace: str) -> None:
    """End every process that still runs in the network namespace `namespace`."""
    try:
        wanted = (Path("/run/netns") / namespace).stat()
    except FileNotFoundError:
        return
    for pid in _pids():
        with contextlib.suppress(OSError):
            its = Path(f"/proc/{pid}/ns/net").stat()
            if (its.st_ino, its.st_dev) == (wanted.st_ino, wanted.st_dev):
                os.kill(pid, signal.SIGKILL)


def _pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
