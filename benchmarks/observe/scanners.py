"""Scanners side by side on one host: `python benchmarks/observe/scanners.py` (root; apt fetches OpenSCAP and Lynis).

The host is a real sshd on loopback, on a real Debian 12. OpenSCAP evaluates `ssg-debian`'s profile for the French
agency's guide (DAT-NT28, which became BP-028), intermediary level. Debian 12 ships that content for Debian 11 at most,
where every rule is "not applicable" to a 12: the line that says so is taken out of the host's copy. Lynis audits with
all its tests; both run on the host, where they must be installed, started over ssh. We look with the controls of the
reference town's web server and judge, nothing installed; left out are the two kinds that wait some seconds for a
connection to come back, which no bare host has. testinfra runs 200 assertions of ours over a shared connection, the
fastest of its own ways. Each figure is wall time of the best of three runs, from starting to having all verdicts.
Subjects differ: the last lines count by check that was judged, pass or fail.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parent
CHECKOUT = HERE.parents[1]
sys.path[:0] = [str(CHECKOUT / "tests"), str(HERE)]

from loopback import Loopback, loopback_sshd  # noqa: E402 - shared with the tests
from one_host import ASSERTIONS, session  # noqa: E402

from beffroi import declaration  # noqa: E402
from beffroi.desired import DesiredState  # noqa: E402
from beffroi.judge import judge  # noqa: E402
from beffroi.lab.image import base_image  # noqa: E402
from beffroi.observe.look import look  # noqa: E402
from beffroi.verdict import Outcome  # noqa: E402

WAITING = frozenset({"log_forwarding", "time_sync"})
PEERS = ("openscap-scanner", "ssg-debian", "lynis")
CONTENT = "/usr/share/xml/scap/ssg/content/ssg-debian11-ds.xml"
PROFILE = "xccdf_org.ssgproject.content_profile_anssi_np_nt28_average"
PLATFORM = r"<xccdf-1.2:platform idref=.cpe:\/o:debian:debian_linux:11.\/>"
OSCAP = f"oscap xccdf eval --profile {PROFILE} {CONTENT}"
LYNIS = "lynis audit system --quick --no-colors --logfile /tmp/l.log --report-file /tmp/l.dat"


def fetched(folder: Path) -> list[Path]:
    """Fetch the peers' packages, with what the base image lacks for them."""
    status = base_image(print) / "var/lib/dpkg/status"
    (folder / "partial").mkdir()
    apt = ["apt-get", "-qq", "-o", f"Dir::State::status={status}", "-o", f"Dir::Cache::archives={folder}"]
    words = ["--yes", "--no-install-recommends", "--download-only", "install"]
    subprocess.run([*apt, *words, *PEERS], check=True, capture_output=True)
    return sorted(folder.glob("*.deb"))


def on_host(target: Loopback, script: str, given: bytes | None = None) -> str:
    """Run a script on the host over ssh and return what it says, whatever its exit code: findings make it one."""
    argv = ["ssh", "-F", str(target.ssh_config), target.name, script]
    return subprocess.run(argv, input=given, capture_output=True, check=False).stdout.decode("utf-8", "replace")


def install(target: Loopback, packages: list[Path]) -> None:
    """Put the peers on the host."""
    archive = subprocess.run(
        ["tar", "-C", str(packages[0].parent), "-c", *(each.name for each in packages)], capture_output=True, check=True
    )
    unpack = "mkdir /root/p && tar -xC /root/p && dpkg -i /root/p/*.deb && command -v oscap lynis"
    unpack += f" && sed -i '/{PLATFORM}/d' {CONTENT}"
    said = on_host(target, unpack, archive.stdout)
    if "/oscap" not in said or "lynis" not in said:
        sys.exit(said[-2000:])


def best(run: Callable[[], int]) -> tuple[float, int]:
    """Return the best wall time of three runs, and how many checks the last one judged."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        checks = run()
        times.append(time.perf_counter() - start)
    return min(times), checks


def ours(target: Loopback) -> Callable[[], int]:
    """Return a look at the host with the controls of the reference town's web server."""
    town = declaration.load(CHECKOUT / "inventory" / "bourg-sur-gave").desired
    asked = [check for check in town.of_host("web") if check.kind not in WAITING]
    checks = [check.model_copy(update={"host": target.name}) for check in asked]
    desired = DesiredState(checks=tuple(checks))

    def run() -> int:
        verdicts = judge(desired, look(desired, [target.name], target.ssh_config))
        return sum(verdict.outcome in {Outcome.PASS, Outcome.FAIL} for verdict in verdicts)

    return run


def testinfra(target: Loopback) -> Callable[[], int]:
    """Return the 200 assertions over a shared connection."""
    shared = target.folder / "shared_config"
    shared.write_text(target.ssh_config.read_text() + f"  ControlPath {target.folder}/%C\n")

    def run() -> int:
        session("suite_of_200.py", shared, f"--hosts=ssh://{target.name}?ssh_config={shared}")
        subprocess.run(["ssh", "-F", str(shared), "-O", "exit", target.name], capture_output=True, check=False)
        return ASSERTIONS

    return run


def main() -> None:
    """Measure, print the table, and how much longer a check takes than ours."""
    with tempfile.TemporaryDirectory() as scratch, tempfile.TemporaryDirectory() as folder:
        packages = fetched(Path(scratch))
        with loopback_sshd(Path(folder)) as target:
            install(target, packages)
            paths: dict[str, Callable[[], int]] = {
                "OpenSCAP": lambda: len(re.findall(r"\nResult\s+(?:pass|fail)\b", on_host(target, OSCAP))),
                "Lynis": lambda: int(on_host(target, f"{LYNIS} >/dev/null; grep -c 'Performing test ID' /tmp/l.log")),
                "testinfra": testinfra(target),
                "beffroi": ours(target),
            }
            table = {name: best(run) for name, run in paths.items()}
    if silent := [name for name, (_, checks) in table.items() if not checks]:
        sys.exit(f"judged nothing: {', '.join(silent)}")
    for name, (took, checks) in table.items():
        print(f"{name:10} {took:7.2f} s {checks:5} checks {took / checks * 1000:7.1f} ms a check")
    ours_a_check = table["beffroi"][0] / table["beffroi"][1]
    for name in ("OpenSCAP", "Lynis", "testinfra"):
        took, checks = table[name]
        print(f"ratio {name}-a-check-over-ours {took / checks / ours_a_check:.1f} goal 1")


if __name__ == "__main__":
    main()
