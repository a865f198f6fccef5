"""How long the gate takes: `python benchmarks/gate/run.py [CHECKOV]`, CHECKOV being its program (requirements.txt).

Each figure is the wall time of a whole process, the best of some runs after a first that warms the caches. The peer
reads as many servers, networks and openings as Terraform, with all of its built-in rules for them. Nothing here gates
on a time: the last lines are ratios to the goals; `>` marks what was stopped at its limit.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from large_town import write_terraform, write_town

CHECKOUT = Path(__file__).parents[2]
REFERENCE = "inventory/bourg-sur-gave"
HOSTS, FLOWS = 1_000, 5_000
LIMIT = 120
PREVIEW = """
import sys, time
from pathlib import Path
from beffroi.cli.options import declared, works
town = works(declared(Path(sys.argv[1]), None, "town"), None, quiet=True)
start = time.monotonic()
town.plan(refresh=False)
print(time.monotonic() - start)
"""


def seconds(argv: list[str], folder: Path, runs: int = 3) -> float:
    """Return the best wall time of a command, that of its limit when it was stopped there."""
    best = float("inf")
    for _ in range(runs):
        start = time.monotonic()
        try:
            subprocess.run(argv, cwd=folder, capture_output=True, timeout=LIMIT, check=False)
        except subprocess.TimeoutExpired:
            return float(LIMIT)
        best = min(best, time.monotonic() - start)
    return best


def gate(town: str, *options: str) -> list[str]:
    """Return the command that judges a town."""
    return [str(Path(sys.executable).with_name("beffroi")), "gate", town, *options]


def checkov(program: str, files: Path, folder: Path) -> tuple[float, str]:
    """Return the peer's best time, and what it counted."""
    argv = [program, "-d", str(files), "--framework", "terraform", "--quiet", "--compact", "--soft-fail"]
    argv += ["--skip-download", "--output", "json"]
    took = seconds(argv, folder, runs=2)
    if took >= LIMIT:
        return took, "stopped"
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=LIMIT, check=False)
    found = json.loads(done.stdout)["summary"]
    return took, f"{found['resource_count']} resources, {found['passed'] + found['failed']} checks"


def preview_seconds(folder: Path) -> float:
    """Return what the real Pulumi preview of the reference city takes within its process, the best of two."""
    argv = [sys.executable, "-c", PREVIEW, REFERENCE]
    runs = [subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=True) for _ in range(2)]
    return min(float(done.stdout) for done in runs)


def tell(name: str, took: float) -> None:
    """Print one time."""
    print(f"{name}: {'>' if took >= LIMIT else ''}{took:.2f} s", flush=True)


def main() -> None:
    """Measure, print times, and at the end each ratio to its goal."""
    # Where it is set, as in many containers, Python compiles all modules again at each start, and that is no measure of
    # the gate: nobody who installs a program runs it so.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    print(f"machine: {os.cpu_count()} cores; load {os.getloadavg()[0]:.1f}")
    ratios: list[tuple[str, float, float]] = []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        os.environ["BEFFROI_STATE"] = str(folder / "state")
        plain = seconds(gate(REFERENCE), CHECKOUT)
        tell("reference city, warm", plain)
        ratios.append(("reference-seconds-to-goal", plain, 2.0))
        preview = preview_seconds(CHECKOUT)
        with_preview = seconds(gate(REFERENCE, "--preview"), CHECKOUT, runs=2)
        tell("preview alone", preview)
        tell("reference city with preview", with_preview)
        ratios.append(("beyond-preview-seconds-to-goal", with_preview - preview, 2.0))
        for content in ("compliance", "policies"):
            shutil.copytree(CHECKOUT / content, folder / content)
        write_town(folder / "inventory" / "large", HOSTS, FLOWS)
        large = seconds(gate("inventory/large", "--time-limit", str(LIMIT * 2)), folder, runs=1)
        tell(f"{HOSTS} hosts, {FLOWS} flows", large)
        ratios.append(("large-seconds-to-goal", large, 15.0))
        for name, ours, hosts, flows in (("reference", plain, 11, 37), ("large", large, HOSTS, FLOWS)):
            if sys.argv[1:]:
                write_terraform(folder / f"terraform-{name}", hosts, flows)
                took, counted = checkov(sys.argv[1], folder / f"terraform-{name}", folder)
                tell(f"Checkov, {name} ({counted})", took)
                ratios.append((f"{name}-seconds-to-checkov", ours, took))
    for name, took, goal in ratios:
        stopped = ">" if took >= LIMIT else ""
        print(f"ratio {name} {stopped}{took / goal:.2f} goal 1.00")


if __name__ == "__main__":
    main()
