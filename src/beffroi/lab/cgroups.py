"""A control group of its own for each machine of the lab (cgroups(7)).

systemd-nspawn makes its `payload` beside whoever starts it. Machines started from one place would share one: each
systemd would then find the others' processes in its own units, and could neither signal a unit nor see it end.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

_OURS = "beffroi"
_SECONDS, _POLL = 5.0, 0.05

# Whoever starts a machine is moved there first, and only then becomes systemd-nspawn.
_MOVED = 'while [ "$1" != -- ]; do echo $$ > "$1/cgroup.procs" || exit; shift; done; shift; exec "$@"'


def within(name: str, argv: list[str]) -> list[str]:
    """Return the command that runs `argv` in control groups called `name`, which are made; raise OSError."""
    places = [root / _OURS / name for root in _hierarchies()]
    for place in places:
        place.mkdir(parents=True, exist_ok=True)
    return ["/bin/sh", "-c", _MOVED, "sh", *map(str, places), "--", *argv]


def remove(name: str) -> None:
    """Remove the control groups called `name`, whose processes have ended; one that stays hurts nobody."""
    for root in _hierarchies():
        _remove(root / _OURS / name)
        with contextlib.suppress(OSError):
            (root / _OURS).rmdir()  # unless another machine's is in it


def left(prefix: str) -> list[str]:
    """Return the control groups whose names begin with `prefix`."""
    return [str(place) for root in _hierarchies() for place in (root / _OURS).glob(f"{prefix}*")]


def _hierarchies() -> Iterator[Path]:
    """Yield where systemd follows processes: the unified hierarchy, and its own named one where there is one."""
    for line in Path("/proc/self/mounts").read_text("utf-8").splitlines():
        _, mounted, sort, options, *_ = line.split()
        if sort == "cgroup2" or (sort == "cgroup" and "name=systemd" in options.split(",")):
            yield Path(mounted)


def _remove(place: Path) -> None:
    deadline = time.monotonic() + _SECONDS
    while place.is_dir() and time.monotonic() < deadline:
        for folder, _, _ in os.walk(place, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(folder)  # noqa: PTH106 - os.walk gives texts
        if place.is_dir():
            time.sleep(_POLL)
