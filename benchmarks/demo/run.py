"""How long the main job takes, from a cached image to a verified city: `python benchmarks/demo/run.py` as root.

Peer: plain Ansible and plain testinfra on the same machines in the same run. Figures are ratios to the goals of the
issue that asked for them; the machine's own speed is told by the first line, and nothing here gates on a time.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
TOWN = ROOT / "inventory/bourg-sur-gave"
BEFFROI = str(Path(sys.executable).with_name("beffroi"))
GOALS = {"apply": 180.0, "apply-again": 20.0, "verify": 20.0, "check": 1.0}
MEMORY_GOAL_KIB = 500 * 1024


def timed(name: str, *words: str, expect: int = 0) -> float:
    """Run one verb on the town and return its wall time in seconds; stop the benchmark if it fails."""
    start = time.monotonic()
    done = subprocess.run([BEFFROI, *words], capture_output=True, text=True, check=False)
    seconds = time.monotonic() - start
    print(f"{name}: {seconds:.1f} s")
    if done.returncode != expect:
        print(done.stdout[-3000:], done.stderr[-3000:])
        sys.exit(f"{name} ended with {done.returncode}")
    return seconds


def spin() -> float:
    """Return the seconds that a fixed piece of Python takes here: tells a slow machine from a slow program."""
    start = time.monotonic()
    sum(number * number for number in range(10_000_000))
    return time.monotonic() - start


def main() -> None:
    """Measure, then take everything down."""
    print(f"machine: {os.cpu_count()} cores, 10^7 squares in {spin():.2f} s")
    options = ["--stack", "benchmark", str(TOWN)]
    with tempfile.TemporaryDirectory() as state:
        os.environ["BEFFROI_STATE"] = state
        try:
            seconds = {
                "check": timed("check", "check", str(TOWN)),
                "apply": timed("apply", "apply", "--yes", *options),
                "apply-again": timed("apply-again", "apply", "--yes", *options),
                "verify": timed("verify", "verify", *options),
            }
        finally:
            subprocess.run([BEFFROI, "lab", "down", *options], check=False, capture_output=True)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    for name, goal in GOALS.items():
        print(f"ratio {name}-seconds-to-goal {seconds[name] / goal:.2f} goal 1.00")
    print(f"ratio largest-control-process-to-500-MiB {peak / MEMORY_GOAL_KIB:.2f} goal 1.00")


if __name__ == "__main__":
    main()
