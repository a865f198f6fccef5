"""Where the Pulumi CLI is: the same places, in the same order, as `tools/pulumi/install` looks and puts it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from beffroi.errors import MissingTool
from beffroi.messages import say

PULUMI_VERSION = (3, 259, 0)
"""The version that the Python SDK of the lock goes with; any later one of the same major version serves too."""

_ANSWER_SECONDS = 10.0


def find_pulumi() -> Path:
    """Return the Pulumi CLI: BEFFROI_PULUMI, else PATH, else `~/.pulumi/bin`, else the one that set-up made.

    Raise MissingTool when none of them is PULUMI_VERSION or later.
    """
    for candidate in _candidates():
        if _recent_enough(candidate):
            return candidate
    wanted = ".".join(map(str, PULUMI_VERSION))
    raise MissingTool(say("setup-no-pulumi", version=wanted), hint=say("setup-no-pulumi-hint"))


def _candidates() -> Iterator[Path]:
    if named := os.environ.get("BEFFROI_PULUMI"):
        yield Path(named)
    if on_path := shutil.which("pulumi"):
        yield Path(on_path)
    yield Path.home() / ".pulumi" / "bin" / "pulumi"
    yield _made_by_setup()


def _made_by_setup() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "beffroi" / "pulumi" / ".".join(map(str, PULUMI_VERSION)) / "bin" / "pulumi"


def _recent_enough(program: Path) -> bool:
    if not os.access(program, os.X_OK):
        return False
    if program == _made_by_setup():
        return True  # checked when it was made; asking takes 0.3 s
    try:
        answer = subprocess.run(
            [program, "version"], capture_output=True, text=True, timeout=_ANSWER_SECONDS, check=False
        ).stdout
    except (OSError, subprocess.TimeoutExpired):
        return False
    found = re.match(r"v?(\d+)\.(\d+)\.(\d+)", answer)
    return found is not None and _serves(tuple(map(int, found.groups())))


def _serves(version: tuple[int, ...]) -> bool:
    return version[0] == PULUMI_VERSION[0] and version >= PULUMI_VERSION
