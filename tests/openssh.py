"""OpenSSH's own server on loopback, in the lab's base image: what real hosts run, started by whoever needs it.

It needs root: the image is overlaid in a mount namespace of the server's own, with a process namespace that ends
with it.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncssh
from ssh_servers import Neighbourhood

from beffroi.lab.image import base_image

_SETTINGS = """\
ListenAddress 127.0.0.1:{port}
HostKey /run/sshd/host_key
AuthorizedKeysFile /run/sshd/authorized
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
UseDNS no
MaxStartups 2000
PidFile none
LogLevel FATAL
"""

_ENTER = """
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=$2,upperdir=$1/upper,workdir=$1/work" "$1/root"
mount -t proc proc "$1/root/proc"
mount --bind /dev "$1/root/dev"
mkdir -p "$1/root/run/sshd"
cp "$3"/* "$1/root/run/sshd"
exec chroot "$1/root" /usr/sbin/sshd -D -e -f /run/sshd/sshd_config
"""

_BOOT_SECONDS = 20.0


@dataclass(frozen=True)
class Sshd:
    """A running server: its port, its host key, and the process whose end is its end."""

    port: int
    key: asyncssh.SSHKey
    process: subprocess.Popen[bytes]

    def cpu_seconds(self) -> float:
        """Return what the server and the commands it ran have cost so far."""
        status = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        fields = Path(f"/proc/{status[0]}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) / 100


@contextlib.contextmanager
def openssh(place: Neighbourhood, *names: str, lines: tuple[str, ...] = (), settings: str = "") -> Iterator[Sshd]:
    """Serve root's shell under each of `names`, as long as the context lasts; `settings` are added to sshd_config."""
    key, port = asyncssh.generate_private_key("ssh-ed25519"), _free_port()
    folder = place.folder / f"sshd-{port}"
    (folder / "keys").mkdir(parents=True)
    key.write_private_key(folder / "keys" / "host_key")
    (folder / "keys" / "host_key").chmod(0o600)
    place.client.write_public_key(folder / "keys" / "authorized")
    (folder / "keys" / "sshd_config").write_text(_SETTINGS.format(port=port) + settings)
    (folder / "mount").mkdir()
    enter = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    argv = [*enter, "sh", "-euc", _ENTER, "sh", folder / "mount", base_image(print), folder / "keys"]
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL) as process:
        try:
            _wait_for(port, process)
            for name in names:
                place.lead(name, port, key, "User root", *lines)
            yield Sshd(port, key, process)
        finally:
            process.kill()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _BOOT_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as knock:
            if knock.recv(4) == b"SSH-":
                return
        time.sleep(0.05)
    message = f"sshd did not start on port {port} (exit code {process.poll()})"
    raise RuntimeError(message)
