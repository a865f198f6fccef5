"""A fleet in two zones that do not see each other: a scheduler, a worker in each, and one of them killed midway."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh
import pytest
from spread_driver import HOSTS, SIZE, names

from beffroi.lab.command import run

pytestmark = pytest.mark.lab

ROOT = Path(__file__).parents[2]
DRIVER = ROOT / "tests" / "spread_driver.py"
ZONES = {"schools": "10.213.1", "hall": "10.213.2"}
HUB = "bf-spread.hub"
SCHEDULER = "tls://10.213.1.1:8786"


@dataclass
class Ground:
    """Namespaces, certificates and processes of one test; all of it ends with `end`."""

    folder: Path
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def lay_out(self) -> None:
        """Join each zone to the hub, and no zone to the other."""
        run(["ip", "netns", "add", HUB])
        run(["ip", "-n", HUB, "link", "set", "lo", "up"])
        for zone, net in ZONES.items():
            space = self.space(zone)
            run(["ip", "netns", "add", space])
            run(["ip", "-n", HUB, "link", "add", zone, "type", "veth", "peer", "name", "hub", "netns", space])
            for here, link, address in ((HUB, zone, f"{net}.1/30"), (space, "hub", f"{net}.2/30")):
                run(["ip", "-n", here, "address", "add", address, "dev", link])
                run(["ip", "-n", here, "link", "set", link, "up"])
            run(["ip", "-n", space, "link", "set", "lo", "up"])
            run(["ip", "-n", space, "route", "add", "default", "via", f"{net}.1"])

    @staticmethod
    def space(zone: str) -> str:
        return f"bf-spread.{zone}"

    def certify(self, name: str, *, authority: str = "ca") -> None:
        """Make a key and a certificate for `name`, signed by `authority`."""
        ca, own = self.folder / authority, self.folder / name
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
        if not ca.with_suffix(".pem").exists():
            made = ["-x509", "-days", "2", "-subj", f"/CN={authority}", "-keyout", f"{ca}.key", "-out", f"{ca}.pem"]
            run(["openssl", "req", *curve, *made])
        run(["openssl", "req", *curve, "-subj", f"/CN={name}", "-keyout", f"{own}.key", "-out", f"{own}.csr"])
        signed = ["-CA", f"{ca}.pem", "-CAkey", f"{ca}.key", "-CAcreateserial", "-days", "2"]
        run(["openssl", "x509", "-req", "-in", f"{own}.csr", *signed, "-out", f"{own}.pem"])

    def start(self, space: str, *argv: str) -> subprocess.Popen[bytes]:
        """Start a Python program in a namespace; its words go to a log."""
        with (self.folder / f"log-{len(self.processes)}").open("wb") as log:
            process = subprocess.Popen(
                ["ip", "netns", "exec", space, sys.executable, *argv],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=ROOT / "tests",
                env=self.environment(),
            )
        self.processes.append(process)
        return process

    def environment(self) -> dict[str, str]:
        paths = [str(ROOT / "src"), str(ROOT / "tests"), *filter(None, sys.path)]
        path = f"{self.folder}/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        plain = {"PATH": path, "PYTHONPATH": ":".join(paths), "HOME": str(self.folder), "BEFFROI_LANG": "en"}
        # Without these, both answer anybody's HTTP.
        return plain | {f"DASK_DISTRIBUTED__{side}__HTTP__ROUTES": "[]" for side in ("SCHEDULER", "WORKER")}

    def certificates(self, name: str, authority: str = "ca") -> list[str]:
        own = self.folder / name
        return [
            "--tls-ca-file",
            f"{self.folder / authority}.pem",
            "--tls-cert",
            f"{own}.pem",
            "--tls-key",
            f"{own}.key",
        ]

    def scheduler(self) -> None:
        options = ["--host", "0.0.0.0", "--port", "8786", "--protocol", "tls", "--no-dashboard"]  # noqa: S104 - a namespace of its own
        self.start(HUB, "-m", "distributed.cli.dask_scheduler", *options, *self.certificates("scheduler"))

    def worker(self, zone: str, certificate: str = "worker", authority: str = "ca") -> list[str]:
        """Return the command of a worker that stands in `zone`."""
        return [
            *("-m", "distributed.cli.dask_worker", SCHEDULER, "--no-nanny", "--no-dashboard", "--nthreads", "1"),
            *("--resources", f"zone-{zone}=1", "--local-directory", str(self.folder / "work"), "--death-timeout", "60"),
            *("--host", f"{ZONES[zone]}.2"),
            *self.certificates(certificate, authority),
        ]

    def wait_for(self, said: str, process: subprocess.Popen[bytes], seconds: float = 60) -> None:
        log, deadline = self.folder / f"log-{self.processes.index(process)}", time.monotonic() + seconds
        while said not in log.read_text("utf-8", "replace"):
            assert time.monotonic() < deadline, log.read_text("utf-8", "replace")[-3000:]
            time.sleep(0.1)

    def end(self) -> None:
        for space in (HUB, *map(self.space, ZONES)):
            if Path("/run/netns", space).exists():
                for pid in run(["ip", "netns", "pids", space]).split():
                    with contextlib.suppress(ProcessLookupError):
                        subprocess.run(["kill", "-KILL", pid], check=False, stderr=subprocess.DEVNULL)
                run(["ip", "netns", "delete", space])
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.fixture(name="ground", scope="module")
def _ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    pytest.importorskip("distributed")
    ground = Ground(tmp_path_factory.mktemp("spread"))
    ground.end()
    try:
        ground.lay_out()
        (ground.folder / "bin").mkdir()
        (ground.folder / "bin" / "sudo").write_text('#!/bin/sh\nshift 3\nexec "$@"\n')
        (ground.folder / "bin" / "sudo").chmod(0o755)
        for name in ("scheduler", "worker", "client"):
            ground.certify(name)
        ground.certify("stranger", authority="foreign")
        _hosts(ground)
        ground.scheduler()
        yield ground
    finally:
        ground.end()


def _hosts(ground: Ground) -> None:
    """Serve the hosts of each zone within it, and write one `ssh_config` for all."""
    folder = ground.folder
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(folder / "id_ed25519")
    lines, known = [], []
    for zone in ZONES:
        ground.start(ground.space(zone), str(DRIVER), "serve", str(folder), zone)
        deadline = time.monotonic() + 60
        while not (folder / f"{zone}.json").exists():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        served = json.loads((folder / f"{zone}.json").read_text())
        lines += [f"Host {zone}-*\n  HostName 127.0.0.1\n  Port {served['port']}\n  HostKeyAlias {zone}\n"]
        known.append(f"{zone} {served['key']}\n")
    files = f'  UserKnownHostsFile "{folder}/known_hosts"\n  IdentityFile "{folder}/id_ed25519"\n'
    (folder / "ssh_config").write_text("".join(lines) + f"Host *\n  User root\n{files}")
    (folder / "known_hosts").write_text("".join(known))


@pytest.fixture(name="watched", scope="module")
def _watched(ground: Ground) -> dict[str, Any]:
    """Look at both zones, and kill the schools' worker once its first shard was told."""
    workers = {zone: ground.start(ground.space(zone), *ground.worker(zone)) for zone in ZONES}
    for worker in workers.values():
        ground.wait_for("Registered to", worker)
    again = ["ip", "netns", "exec", ground.space("schools"), sys.executable, *ground.worker("schools")]
    argv = [str(DRIVER), "watch", str(ground.folder), SCHEDULER, str(workers["schools"].pid), *again]
    driver = ground.start(HUB, *argv)
    driver.wait(180)
    said = (ground.folder / f"log-{ground.processes.index(driver)}").read_text()
    found: dict[str, Any] = json.loads(said.splitlines()[-1])
    return found


def test_a_worker_was_killed_midway(watched: dict[str, Any]) -> None:
    assert SIZE <= watched["killed_after"] < 2 * HOSTS


def test_nothing_is_lost_when_a_worker_dies(watched: dict[str, Any]) -> None:
    assert set(watched["told"]) == {*names("schools"), *names("hall")}


def test_nothing_is_judged_twice_when_a_worker_dies(watched: dict[str, Any]) -> None:
    assert [host for host, times in Counter(watched["told"]).items() if times != 1] == []


def test_every_host_is_judged_by_what_it_is(watched: dict[str, Any]) -> None:
    assert Counter(watched["outcomes"].values()) == {"pass": 2 * HOSTS}


def test_a_shard_that_died_with_its_worker_was_looked_at_again(ground: Ground, watched: dict[str, Any]) -> None:
    assert watched["told"]
    asked = {zone: len((ground.folder / f"asked-{zone}").read_text()) for zone in ZONES}
    assert asked["schools"] > asked["hall"]


def test_a_zone_is_seen_from_the_hub_and_not_from_the_other(ground: Ground, watched: dict[str, Any]) -> None:
    assert watched["told"]
    logs = "".join(path.read_text("utf-8", "replace") for path in ground.folder.glob("log-*"))
    [(address, port), *_] = re.findall(rf"Start worker at: +tls://({re.escape(ZONES['hall'])}\.2):(\d+)", logs)
    knock = ["timeout", "3", "bash", "-c", f"exec 3<>/dev/tcp/{address}/{port}"]
    reached = [
        subprocess.run(["ip", "netns", "exec", space, *knock], check=False, stderr=subprocess.DEVNULL).returncode == 0
        for space in (HUB, ground.space("schools"))
    ]
    assert reached == [True, False]


def test_a_worker_with_a_strangers_certificate_is_not_let_in(ground: Ground) -> None:
    stranger = ground.start(ground.space("hall"), *ground.worker("hall", certificate="stranger"))
    log = ground.folder / f"log-{ground.processes.index(stranger)}"
    deadline = time.monotonic() + 60
    while log.read_text().count("Waiting to connect to") < 3:
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)
    assert "Registered to" not in log.read_text()


ASKS = """
import sys
from pathlib import Path
from beffroi.errors import CouldNotAct
from beffroi.observe.spread import Credentials, joined
at = Path(sys.argv[1])
try:
    with joined(sys.argv[2], Credentials(at / "ca.pem", at / "stranger.pem", at / "stranger.key"), seconds=5):
        print("in")
except CouldNotAct as error:
    print("out:", error)
"""


def test_a_client_with_a_strangers_certificate_is_not_let_in(ground: Ground) -> None:
    client = ground.start(HUB, "-c", ASKS, str(ground.folder), SCHEDULER)
    client.wait(60)
    log = (ground.folder / f"log-{ground.processes.index(client)}").read_text()
    assert "out: tls://10.213.1.1:8786: the scheduler does not let us in" in log
