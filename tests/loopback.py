"""A real sshd on loopback, on a real Debian: the lab's base image below an overlay, its own mounts and processes."""

from __future__ import annotations

import contextlib
import os
import shlex
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from beffroi.lab.image import base_image

_PREPARE = r"""
set -eu
mount -t overlay overlay -o lowerdir="$IMAGE",upperdir="$FOLDER/upper",workdir="$FOLDER/work" "$FOLDER/root"
cd "$FOLDER/root"
mount -t proc proc proc
mount -t tmpfs tmpfs run
mount --rbind /dev dev
mkdir -p run/sshd
cp "$FOLDER/host_key" etc/ssh/loopback_key
cp "$FOLDER/key.pub" etc/ssh/loopback_keys
chmod 600 etc/ssh/loopback_key
cat > etc/ssh/loopback_config <<END
Port $PORT
ListenAddress 127.0.0.1
HostKey /etc/ssh/loopback_key
AuthorizedKeysFile /etc/ssh/loopback_keys
PermitRootLogin prohibit-password
PasswordAuthentication no
UsePAM no
MaxSessions 200
MaxStartups 500
PidFile none
LogLevel ERROR
END
echo "127.0.1.1 $(hostname)" >> etc/hosts
chroot . useradd --create-home --shell /bin/bash --password '*' auditor
echo 'auditor ALL=(ALL:ALL) NOPASSWD: ALL' > etc/sudoers.d/auditor
exec chroot . /usr/sbin/sshd -D -e -f /etc/ssh/loopback_config
"""

_CONFIG = """\
Host {name} {name}-*
  HostName 127.0.0.1
  Port {port}
  HostKeyAlias {name}
  User root
  IdentityFile "{folder}/key"
  IdentitiesOnly yes
  IdentityAgent none
  UserKnownHostsFile "{folder}/known_hosts"
  GlobalKnownHostsFile none
  StrictHostKeyChecking yes
  LogLevel ERROR
"""


@dataclass(frozen=True)
class Loopback:
    """Where the sshd listens, and the `ssh_config` that leads to it: as root to `target`, or to whatever `target-*`."""

    folder: Path
    port: int
    name: str = "target"

    @property
    def ssh_config(self) -> Path:
        return self.folder / "ssh_config"

    def through(self, port: int) -> Path:
        """Return an `ssh_config` that leads there by another port, such as that of a delaying proxy."""
        path = self.folder / f"ssh_config.{port}"
        path.write_text(_CONFIG.format(name=self.name, port=port, folder=self.folder))
        return path


@contextlib.contextmanager
def loopback_sshd(folder: Path) -> Iterator[Loopback]:
    """Start an sshd with keys made for it; its mounts and processes end with it, however this process ends."""
    target = Loopback(folder, _free_port())
    for part in ("upper", "work", "root"):
        (folder / part).mkdir()
    for key in ("key", "host_key"):
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "loopback", "-f", str(folder / key)]
        subprocess.run(argv, check=True)
    (folder / "known_hosts").write_text(f"{target.name} {(folder / 'host_key.pub').read_text()}")
    target.ssh_config.write_text(_CONFIG.format(name=target.name, port=target.port, folder=folder))
    settings = {"IMAGE": str(base_image(print)), "FOLDER": str(folder), "PORT": str(target.port)}
    unshare = [
        "unshare",
        "--mount",
        "--propagation",
        "private",
        "--pid",
        "--fork",
        "--kill-child",
        "sh",
        "-c",
        _PREPARE,
    ]
    with (folder / "sshd.log").open("wb") as log:
        process = subprocess.Popen(
            unshare, env={**os.environ, **settings}, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        _await(target, process)
        yield target
    finally:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await(target: Loopback, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", target.port), timeout=1):
            return
        time.sleep(0.05)
    log = (target.folder / "sshd.log").read_text()
    message = f"{shlex.join(process.args)[:80]} did not listen: {log}"  # type: ignore[arg-type]
    raise AssertionError(message)
