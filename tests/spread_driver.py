"""What test_spread.py runs in namespaces of their own: hosts of one zone, and a client that watches a worker die."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from beffroi.desired import Check, DesiredState
from beffroi.observe.connection import Bounds
from beffroi.observe.fleet import Fleet, Terms
from beffroi.observe.shards import shards
from beffroi.observe.spread import Credentials, joined, observe_spread

HOSTS, SIZE = 20, 4


def names(zone: str) -> list[str]:
    return [f"{zone}-{number}" for number in range(HOSTS)]


def wanted(*hosts: str) -> Fleet:
    """Ask of each host that `/etc` is root's alone to change."""
    etc = {"path": "/etc", "owner": "root", "group": "root", "mode": "0755"}
    checks = [Check(host=host, control="files/etc", kind="file_mode", settings=(etc,)) for host in hosts]
    return Fleet.of(DesiredState(checks=tuple(checks)))


async def serve(folder: Path, zone: str) -> None:
    """Serve the zone's hosts on loopback, note each command that they run, and say where they listen."""
    import asyncssh  # noqa: PLC0415 - only hosts need it
    from ssh_servers import LetsForward, in_a_shell  # noqa: PLC0415

    async def noted(process: asyncssh.SSHServerProcess[bytes]) -> None:
        with (folder / f"asked-{zone}").open("a") as log:
            log.write(".")
        await asyncio.sleep(0.2)
        await in_a_shell(process)

    key = asyncssh.generate_private_key("ssh-ed25519")
    client = asyncssh.read_private_key(folder / "id_ed25519")
    options = {
        "server_host_keys": [key],
        "authorized_client_keys": asyncssh.import_authorized_keys(client.export_public_key().decode()),
        "process_factory": noted,
        "encoding": None,
        "server_factory": LetsForward,
    }
    async with asyncssh.listen("127.0.0.1", 0, **options) as server:
        draft = folder / f"{zone}.json.new"
        draft.write_text(json.dumps({"port": server.get_port(), "key": key.export_public_key().decode().strip()}))
        draft.rename(folder / f"{zone}.json")
        await asyncio.Event().wait()


def watch(folder: Path, scheduler: str, victim: int, replacement: list[str]) -> None:
    """Look at both zones; kill the worker `victim` once some hosts were told, and start another in its place."""
    fleet = wanted(*names("schools"), *names("hall"))
    credentials = Credentials(folder / "ca.pem", folder / "client.pem", folder / "client.key")
    terms = Terms(at_once=1, bounds=Bounds(10, 100_000))
    told: list[str] = []
    outcomes: dict[str, str] = {}
    killed_after = 0
    with joined(scheduler, credentials) as client:
        cut = shards("run-1", fleet.asked(), lambda host: host.partition("-")[0], SIZE)
        for seen in observe_spread(client, cut, folder / "ssh_config", terms, seconds=120):
            told.append(seen[0])
            [verdict] = fleet.judged(seen)
            outcomes[seen[0]] = f"{verdict.outcome.value} {verdict.reason}".strip()
            if not killed_after and sum(name.startswith("schools") for name in told) >= SIZE:
                time.sleep(0.5)  # its next shard is under way
                killed_after = len(told)
                os.kill(victim, signal.SIGKILL)
                subprocess.Popen(replacement, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    sys.stdout.write(json.dumps({"told": told, "outcomes": outcomes, "killed_after": killed_after}) + "\n")


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        asyncio.run(serve(Path(sys.argv[2]), sys.argv[3]))
    else:
        watch(Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]), sys.argv[5:])
