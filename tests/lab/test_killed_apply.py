"""`beffroi apply` killed at any moment: the next one converges, and nothing is left over."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from towns import LabTown, new_town

pytestmark = pytest.mark.lab

KILLS = 10
LONGEST = 16.0
"""Seconds into an apply: past the machines' boot, into Ansible's first stages on two slow cores."""


@pytest.fixture
def doomed(tmp_path: Path) -> Iterator[LabTown]:
    """A second lab of the same town: it stands beside the hamlet, with the same addresses, and does not meet it."""
    town = new_town(Path("tests/cases/hamlet"), "doomed", tmp_path)
    yield town
    town.beffroi("lab", "down")


def test_after_ten_kills_the_next_apply_converges_and_nothing_is_left(doomed: LabTown, hamlet: LabTown) -> None:
    seed = random.randrange(2**32)
    moments = random.Random(seed)
    argv = [
        str(Path(sys.executable).with_name("beffroi")),
        "apply",
        "--yes",
        "--stack",
        doomed.stack,
        str(doomed.folder),
    ]
    for _ in range(KILLS):
        run = subprocess.Popen(
            argv, env=doomed.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=Path.cwd()
        )
        time.sleep(moments.uniform(0.2, LONGEST))
        run.send_signal(signal.SIGKILL)
        run.wait()
    done = doomed.apply()
    assert done.returncode == 0, f"seed {seed}: " + done.stdout[-4000:] + done.stderr[-4000:]
    assert doomed.not_passing() == {}, f"seed {seed}"
    assert hamlet.not_passing() == {}, "two labs at once collide"
    down = doomed.beffroi("lab", "down")
    assert down.returncode == 0, down.stderr
    assert "0 leftover(s) swept" in down.stdout
    assert doomed.leftovers() == []
