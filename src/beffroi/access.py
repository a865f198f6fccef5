"""How the control side reaches the machines: one `ssh_config`, host keys known beforehand, all by the bastion."""

from __future__ import annotations

import contextlib
import os
import stat
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import IPv4Address
from pathlib import Path

from beffroi.city import INTERNET, City, Gateway, Host
from beffroi.errors import CouldNotAct
from beffroi.messages import say

_FIRST_LINES = """\
# Written by `beffroi apply` from the declaration. `ssh -F {path} HOST` works too.
Host *
  User deploy
  IdentityFile "{identity}"
  IdentitiesOnly yes
  IdentityAgent none
  UserKnownHostsFile "{known_hosts}"
  GlobalKnownHostsFile none
  StrictHostKeyChecking yes
  UpdateHostKeys no
  HashKnownHosts no
  PasswordAuthentication no
  KbdInteractiveAuthentication no
  ConnectTimeout 15
  ServerAliveInterval 5
  ServerAliveCountMax 3
  ControlMaster auto
  ControlPath "{sockets}/{stack}-%C"
  ControlPersist 60
  LogLevel ERROR
"""


@dataclass(frozen=True)
class Door:
    """How the first machine is reached: a `ProxyCommand` for the bastion (empty: a plain connection)."""

    bastion: str
    proxy_command: str = ""


def write_ssh_config(folder: Path, city: City, host_keys: Mapping[str, str], door: Door) -> Path:
    """Write `ssh_config` and `known_hosts` in `folder`, and return the former; nothing else is ever trusted.

    `host_keys` gives each machine's public key, as provisioning reported it. Control sockets live under
    `/run` (or the user's runtime folder), since a socket's path may not exceed 108 bytes.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    sockets = _socket_folder()
    config, known_hosts = folder / "ssh_config", folder / "known_hosts"
    lines = []
    for name, machine in city.machines().items():
        lines += [f"Host {name}", f"  HostName {_address(city, machine, door.bastion)}", f"  HostKeyAlias {name}"]
        if name != door.bastion:
            lines.append(f"  ProxyJump {door.bastion}")
        elif door.proxy_command:
            lines.append(f"  ProxyCommand {door.proxy_command}")
    # ssh takes the first value that it meets: the machines' own come before what holds for all.
    first = _FIRST_LINES.format(
        path=config,
        identity=_literal(folder / "id_ed25519"),
        known_hosts=_literal(known_hosts),
        sockets=_literal(sockets),
        # Two labs of one town have the same addresses: without this, one would speak over the other's connections.
        stack=sha256(str(folder.resolve()).encode()).hexdigest()[:12],
    )
    config.write_text("\n".join(lines) + "\n\n" + first)
    known_hosts.write_text("".join(f"{name} {key}\n" for name, key in sorted(host_keys.items())))
    return config


def _socket_folder() -> Path:
    """Return the folder of control sockets; raise CouldNotAct when somebody else could put sockets there."""
    runtime = os.environ.get("XDG_RUNTIME_DIR") or ("/run" if os.geteuid() == 0 else f"/tmp/{os.geteuid()}")  # noqa: S108 - checked below
    folder = Path(runtime) / "beffroi-ssh"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for part in (folder, folder.parent):
        status = part.lstat()
        if status.st_uid not in {0, os.geteuid()} or not stat.S_ISDIR(status.st_mode):
            raise CouldNotAct(say("access-not-ours", folder=part), hint=say("access-not-ours-hint"))
    if folder.lstat().st_mode & 0o077:
        folder.chmod(0o700)
    return folder


def _literal(path: Path) -> str:
    """Return `path` as ssh takes it between quotes: `%` begins one of its tokens."""
    return str(path).replace("%", "%%")


def close_connections(ssh_config: Path, machines: Iterable[str]) -> None:
    """End the connections held to `machines`, which are about to go or were made anew; nothing to do where none is."""
    for name in machines:
        argv = ["ssh", "-F", str(ssh_config), "-O", "exit", name]
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=10, check=False)


def open_door(ssh_config: Path, bastion: str) -> None:
    """Open the one connection to the bastion that all others share, so that they do not all knock at once.

    A bastion that does not answer is no error here: each observation will say so for itself.
    """
    argv = ["ssh", "-F", str(ssh_config), "-T", bastion, "true"]
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False)


def _address(city: City, machine: Host | Gateway, bastion: str) -> IPv4Address:
    """Return the address at which the bastion reaches a machine: on a shared segment, never by the internet."""
    shared = city.machines()[bastion].interfaces
    inside = [segment for segment in machine.interfaces if segment != INTERNET] or list(machine.interfaces)
    nearest = next((segment for segment in inside if segment in shared), inside[0])
    return machine.interfaces[nearest].ipv4
