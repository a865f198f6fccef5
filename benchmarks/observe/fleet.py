"""What looking at a fleet costs this side: CPU seconds and memory, from 10 hosts to 5,000, 200 checks each.

One OpenSSH server on loopback answers under as many names as there are hosts; each is a whole connection, handshake
included, and runs every command for real. What the server and its commands cost is theirs, and not counted. Each size
runs in a process of its own, so that memory is its own too. Needs root and the lab's base image:

    python benchmarks/observe/fleet.py [SIZE ...]
"""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
from loopback import loopback_sshd

from beffroi.desired import Check, DesiredState
from beffroi.observe.fleet import Fleet, Terms, observe_fleet
from beffroi.observe.ssh import Patience, Switchboard

SIZES = (10, 100, 1_000, 5_000)
MEASURED, CHECKS = 1_000, 200
SETTINGS: dict[str, dict[str, Any]] = {
    "file_mode": {"owner": "root", "group": "root", "mode": "0755"},
    "package": {"state": "installed"},
    "sysctl": {"value": "0"},
}
SUBJECT = {"file_mode": "path", "package": "name", "sysctl": "name"}
GOALS = {"fleet-1000-cpu-seconds": 15.0, "fleet-1000-mebibytes": 500.0}


def settings() -> list[tuple[str, dict[str, Any]]]:
    """Return the settings of one host's checks, each with its kind."""
    lines = (Path(__file__).parent / "subjects.txt").read_text("utf-8").splitlines()
    named = [line.split() for line in lines if not line.startswith("#")]
    return [(kind, SETTINGS[kind] | {SUBJECT[kind]: subject}) for kind, subject in named]


def desired(hosts: int) -> DesiredState:
    """Return 200 checks for each host, each a control of its own."""
    asked = [(f"fleet/control-{at}", *setting) for at, setting in enumerate(settings())]
    return DesiredState(
        checks=tuple(
            Check(host=f"target-{number}", control=control, kind=kind, settings=(setting,))
            for number in range(hosts)
            for control, kind, setting in asked
        )
    )


async def look(fleet: Fleet, ssh_config: Path) -> Counter[str]:
    """Look at every host of the fleet and judge it; return how many verdicts came out how."""
    outcomes: Counter[str] = Counter()
    async with Switchboard(ssh_config, Patience(seconds=60)) as switchboard:
        async for seen in observe_fleet(fleet.asked(), switchboard.connect, Terms(seconds=300)):
            outcomes.update(verdict.outcome.value for verdict in fleet.judged(seen))
    return outcomes


def measure(hosts: int, ssh_config: Path) -> dict[str, Any]:
    """Return what one look at so many hosts cost this process, from the desired state to the last verdict."""
    wanted = desired(hosts)
    begun, before = time.perf_counter(), time.process_time()
    outcomes = asyncio.run(look(Fleet.of(wanted), ssh_config))
    return {
        "hosts": hosts,
        "cpu": time.process_time() - before,
        "wall": time.perf_counter() - begun,
        "mebibytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "outcomes": outcomes,
    }


def told(found: dict[str, Any]) -> str:
    """Return a line of the table; stop when a host was not judged, since such a figure would mean nothing."""
    outcomes, hosts = found["outcomes"], found["hosts"]
    if sum(outcomes.values()) != hosts * CHECKS or set(outcomes) & {"error", "notchecked"}:
        message = f"{hosts} hosts were not all judged: {outcomes}"
        raise SystemExit(message)
    each = 1000 * found["cpu"] / hosts
    return f"{hosts:>6} {found['cpu']:>9.2f} {each:>9.2f} {found['wall']:>9.1f} {found['mebibytes']:>7.0f}"


def main(sizes: list[int]) -> None:
    """Measure each size in a process of its own, and print the table and the ratios."""
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder, loopback_sshd(Path(folder)) as target:
        print(f"{'hosts':>6} {'CPU s':>9} {'ms/host':>9} {'wall s':>9} {'MiB':>7}   ({CHECKS} checks a host)")
        for hosts in sizes:
            argv = [sys.executable, __file__, "--one", str(hosts), str(target.ssh_config)]
            found = json.loads(subprocess.run(argv, check=True, stdout=subprocess.PIPE).stdout)
            print(told(found), flush=True)
            if hosts == MEASURED:
                figures = {"fleet-1000-cpu-seconds": found["cpu"], "fleet-1000-mebibytes": found["mebibytes"]}
    for name, figure in figures.items():
        print(f"ratio {name} {figure:.2f} goal {GOALS[name]:.2f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(int(sys.argv[2]), Path(sys.argv[3]))))
    else:
        main([int(word) for word in sys.argv[1:]] or list(SIZES))
