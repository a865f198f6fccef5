"""The held connection and the fleet, against OpenSSH's own server on a real Debian."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback import Loopback, loopback_sshd

from beffroi.desired import Check, DesiredState
from beffroi.errors import CouldNotLook
from beffroi.observe.connection import Bounds, Completed, CutShort
from beffroi.observe.fleet import Fleet, observe_fleet
from beffroi.observe.held import HeldConnection
from beffroi.observe.ssh import Patience, Switchboard, connect

pytestmark = pytest.mark.lab

BOUNDS = Bounds(seconds=60, output=10_000_000)
CALM = Patience(seconds=60)


@pytest.fixture(name="target", scope="module")
def _target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loopback]:
    with loopback_sshd(tmp_path_factory.mktemp("openssh")) as target:
        yield target


def _run(target: Loopback, command: str, *, stdin: bytes = b"", bounds: Bounds = BOUNDS) -> Completed:
    async def session() -> Completed:
        connection = await connect("target", target.ssh_config, CALM)
        try:
            return await connection.run(command, stdin=stdin, bounds=bounds)
        finally:
            await connection.close()

    return asyncio.run(session())


def test_bytes_come_and_go_unaltered(target: Loopback) -> None:
    fed = bytes(range(256)) * 8000
    assert _run(target, "cat; printf '\\377' >&2; exit 3", stdin=fed) == Completed(fed, b"\xff", 3)


def test_a_signal_is_counted_as_a_shell_does(target: Loopback) -> None:
    assert _run(target, "kill -TERM $$").exit_code == 143


def test_a_command_that_hangs_is_given_up_with_what_it_said(target: Loopback) -> None:
    with pytest.raises(CutShort) as error:
        _run(target, "echo so far; sleep 300", bounds=Bounds(8, 1000))
    assert error.value.stdout == b"so far\n"


def test_a_flood_is_given_up_at_its_bound(target: Loopback) -> None:
    with pytest.raises(CutShort, match="100000 bytes"):
        _run(target, "yes", bounds=Bounds(60, 100_000))


def test_a_hundred_commands_share_one_connection(target: Loopback) -> None:
    async def session() -> set[bytes]:
        connection: HeldConnection = await connect("target", target.ssh_config, CALM)
        try:
            done = await asyncio.gather(*(connection.run(f"echo {it}", bounds=BOUNDS) for it in range(100)))
        finally:
            await connection.close()
        return {it.stdout for it in done}

    assert asyncio.run(session()) == {f"{it}\n".encode() for it in range(100)}


def test_a_changed_host_key_is_refused(target: Loopback, tmp_path: Path) -> None:
    other = (target.folder / "key.pub").read_text()
    (tmp_path / "known_hosts").write_text(f"target {other}")
    config = target.ssh_config.read_text().replace(f'"{target.folder}/known_hosts"', f'"{tmp_path}/known_hosts"')
    (tmp_path / "ssh_config").write_text(config)
    with pytest.raises(CouldNotLook, match="another host key"):
        asyncio.run(connect("target", tmp_path / "ssh_config", CALM))


def test_a_host_behind_a_bastion_behind_a_door_is_reached(target: Loopback, tmp_path: Path) -> None:
    # As in the lab: the bastion is entered by a command, everything else by way of it.
    inner = f"Host inner\n  HostName 127.0.0.1\n  Port {target.port}\n  HostKeyAlias target\n  ProxyJump bastion\n"
    door = inner.replace("inner", "bastion").replace("ProxyJump bastion", "ProxyCommand nc %h %p")
    everyone = target.ssh_config.read_text().partition("\n")[2].replace("  HostName 127.0.0.1\n", "")
    (tmp_path / "ssh_config").write_text(f"{inner}{door}Host *\n{everyone}")

    async def session() -> list[bytes]:
        async with Switchboard(tmp_path / "ssh_config", CALM) as switchboard:
            held = await asyncio.gather(*(switchboard.connect("inner") for _ in range(10)))
            done = await asyncio.gather(*(it.run("echo in", bounds=BOUNDS) for it in held))
            return [it.stdout for it in done]

    assert asyncio.run(session()) == [b"in\n"] * 10


def test_a_fleet_of_real_hosts_is_judged_host_by_host(target: Loopback) -> None:
    shadow = {"path": "/etc/shadow", "owner": "root", "group": "shadow", "mode": "0640"}
    open_shadow = shadow | {"group": "root"}
    checks = [
        Check(host=f"target-{number}", control=control, kind="file_mode", settings=(setting,))
        for number in range(50)
        for control, setting in (("files/shadow", shadow), ("files/wrong", open_shadow))
    ]
    fleet = Fleet.of(DesiredState(checks=tuple(checks)))

    async def session() -> Counter[tuple[str, str]]:
        async with Switchboard(target.ssh_config, CALM) as switchboard:
            seen = observe_fleet(fleet.asked(), switchboard.connect)
            return Counter([(it.control, it.outcome.value) async for one in seen for it in fleet.judged(one)])

    assert asyncio.run(session()) == {("files/shadow", "pass"): 50, ("files/wrong", "fail"): 50}
