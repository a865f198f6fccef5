"""One machine of the lab: a real Debian, booted by systemd in a container, on an overlay of the base image."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from beffroi.errors import CouldNotAct
from beffroi.messages import say

from . import cgroups, network
from .command import run
from .network import Link, Route
from .place import LabPlace
from .processes import container_of, end_container, end_members, first_process

DEPLOY, BREAK_GLASS = "deploy", "secours"

# CAP_NET_ADMIN: nftables and addresses of its own namespace. CAP_AUDIT_CONTROL: PAM's login uid.
_CAPABILITIES = "CAP_NET_ADMIN,CAP_AUDIT_CONTROL"

_BOOT_SECONDS = 180.0
_POLL = 0.1


@dataclass(frozen=True)
class MachineSpec:
    """What a machine is made of. `console_password` is a secret: it is never written in clear."""

    name: str
    image: str
    links: tuple[Link, ...]
    routes: tuple[Route, ...]
    authorized_key: str
    console_password: str
    volumes: tuple[tuple[str, str], ...] = ()

    def public(self) -> dict[str, object]:
        """Return the specification without its secret, as plain JSON."""
        plain = asdict(self)
        del plain["console_password"]
        return json.loads(json.dumps(plain))  # type: ignore[no-any-return]


@dataclass(frozen=True)
class Machine:
    """A machine `name` of the lab at `place`, whether it exists or not."""

    place: LabPlace
    name: str

    @property
    def folder(self) -> Path:
        """Return the machine's folder."""
        return self.place.machine(self.name)

    @property
    def root(self) -> Path:
        """Return the mount point of the machine's file system."""
        return self.folder / "root"

    def exists(self) -> bool:
        """Tell whether the machine was made whole (a killed creation leaves a folder without its last file)."""
        return (self.folder / "machine.json").is_file()

    def running(self) -> bool:
        """Tell whether the machine runs."""
        return container_of(self.root) is not None

    def specification(self) -> dict[str, object]:
        """Return what the machine was made from, without its secret; raise FileNotFoundError when it was not made."""
        plain: dict[str, object] = json.loads((self.folder / "machine.json").read_text())
        return plain

    def host_key(self) -> str:
        """Return the machine's public SSH host key (`ssh-ed25519 AAAA...`), known before anyone connects."""
        return " ".join((self.folder / "host_key.pub").read_text().split()[:2])

    def create(self, spec: MachineSpec) -> None:
        """Make the machine anew and boot it; whatever a killed run left of it is removed first."""
        self.delete()
        for part in ("upper", "work", "root"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        self._mount(spec.image)
        self._personalise(spec)
        self._record(spec)
        self.start()

    def reconfigure(self, spec: MachineSpec, *, new_access: bool) -> None:
        """Give the machine the network of `spec`, its key and password if `new_access`; start it if it is down."""
        self._mount(spec.image)
        if new_access:
            self._open_accounts(spec)
        self._record(spec)
        if not self.running():
            self.start()
            return
        wanted = (
            sorted(spec.links, key=lambda link: link.segment),
            sorted(spec.routes, key=lambda route: (route.to, route.via)),
        )
        if wanted != (network.links_of(self.place, self.name), network.routes_of(self.place, self.name)):
            network.connect(self.place, self.name, spec.links, spec.routes)

    def start(self) -> None:
        """Plug the cables and boot; return when one can log in. Nothing to do when the machine runs."""
        if self.running():
            return
        spec = self.specification()
        self._mount(str(spec["image"]))
        links = [Link(link["segment"], tuple(link["addresses"])) for link in spec["links"]]  # type: ignore[attr-defined]
        routes = [Route(**route) for route in spec["routes"]]  # type: ignore[attr-defined]
        network.connect(self.place, self.name, links, routes)
        self._boot([(source, target) for source, target in spec["volumes"]])  # type: ignore[attr-defined]
        self._wait_for_ssh()

    def stop(self) -> None:
        """Pull the plug: the machine stays, off."""
        end_container(self.root)
        cgroups.remove(self._group)

    def delete(self) -> None:
        """Remove the machine and all that it left: processes, namespace, mount, folder."""
        self.stop()
        end_members(self.place.namespace(self.name))
        network.delete_namespace(self.place.namespace(self.name))
        self._unmount()
        shutil.rmtree(self.folder, ignore_errors=True)
        if self.folder.exists():
            raise CouldNotAct(say("lab-folder-stays", folder=self.folder))

    def _mount(self, image: str) -> None:
        if self.root.is_mount():
            return
        layers = f"lowerdir={image},upperdir={self.folder / 'upper'},workdir={self.folder / 'work'}"
        run(["mount", "-t", "overlay", "overlay", "-o", layers, str(self.root)])

    def _unmount(self) -> None:
        deadline = time.monotonic() + 10
        while self.root.is_mount():
            with contextlib.suppress(CouldNotAct):
                run(["umount", str(self.root)])
                continue
            if time.monotonic() > deadline:
                raise CouldNotAct(say("lab-mount-stays", mount=self.root))
            time.sleep(_POLL)

    def _personalise(self, spec: MachineSpec) -> None:
        if not (self.folder / "host_key").exists():
            run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", spec.name, "-f", str(self.folder / "host_key")])
        ssh = self.root / "etc/ssh"
        shutil.copy(self.folder / "host_key", ssh / "ssh_host_ed25519_key")
        shutil.copy(self.folder / "host_key.pub", ssh / "ssh_host_ed25519_key.pub")
        (self.root / "etc/hostname").write_text(f"{spec.name}\n")
        (self.root / "etc/hosts").write_text(
            f"127.0.0.1 localhost\n127.0.1.1 {spec.name}\n::1 localhost ip6-localhost\n"
        )
        self._open_accounts(spec)
        for source, target in spec.volumes:
            (self.root / target.lstrip("/")).mkdir(parents=True, exist_ok=True)
            if not Path(source).is_dir():
                raise CouldNotAct(say("lab-no-volume", folder=source))

    def _open_accounts(self, spec: MachineSpec) -> None:
        accounts = _ACCOUNTS.format(deploy=DEPLOY, break_glass=BREAK_GLASS)
        keys = f"{spec.authorized_key}\n{spec.console_password}\n"
        run(["chroot", str(self.root), "/bin/sh", "-eu", "-c", accounts], text=keys)

    def _record(self, spec: MachineSpec) -> None:
        draft = self.folder / "machine.json.new"
        draft.write_text(json.dumps(spec.public(), indent=1))
        draft.replace(self.folder / "machine.json")

    def _boot(self, volumes: list[tuple[str, str]]) -> None:
        argv = ["systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit", "--console=pipe"]
        argv += ["--directory", str(self.root)]  # a word of its own: `container_of` looks for it
        argv += [f"--network-namespace-path=/run/netns/{self.place.namespace(self.name)}"]
        argv += [f"--capability={_CAPABILITIES}", f"--machine={self.place.name}-{self.name}"]
        argv += [f"--bind-ro={source}:{target}" for source, target in volumes]
        # Without this nspawn mounts /proc/sys/net read-only, and a machine could not set its own network's sysctls.
        environment = {**os.environ, "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "network"}
        with (self.folder / "console.log").open("ab") as log:
            # It outlives us on purpose: a machine runs until it is stopped or deleted.
            subprocess.Popen(
                cgroups.within(self._group, argv),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd="/",
            )

    @property
    def _group(self) -> str:
        return f"{self.place.name}.{self.name}"

    def _wait_for_ssh(self) -> None:
        deadline = time.monotonic() + _BOOT_SECONDS
        while not (self._ssh_listens() and self._lets_in() and self._ssh_answers()):
            if time.monotonic() > deadline or (not self.running() and time.monotonic() > deadline - _BOOT_SECONDS + 5):
                log = (self.folder / "console.log").read_text("utf-8", "replace")[-1500:]
                raise CouldNotAct(say("lab-no-boot", machine=self.name, log=log))
            time.sleep(_POLL)

    def _ssh_listens(self) -> bool:
        return bool(self._inside("ss", "-Hltn", "sport", "=", ":22").strip())

    def _lets_in(self) -> bool:
        """Tell whether the boot is far enough for PAM to let people in (pam_nologin, systemd-user-sessions)."""
        container = container_of(self.root)
        init = first_process(container) if container is not None else None
        return init is not None and not Path(f"/proc/{init}/root/run/nologin").exists()

    def _ssh_answers(self) -> bool:
        """Tell whether sshd exchanges keys: on a busy computer it may listen long before it answers."""
        with contextlib.suppress(CouldNotAct):
            return "ssh-ed25519" in self._inside("ssh-keyscan", "-T", "5", "-t", "ed25519", "127.0.0.1")
        return False

    def _inside(self, *argv: str) -> str:
        return run(["ip", "netns", "exec", self.place.namespace(self.name), *argv])


# One chroot for all: the key and the password come on standard input, never on a command line that `ps` shows.
_ACCOUNTS = """
IFS= read -r key
IFS= read -r password
id {deploy} >/dev/null 2>&1 || {{
    useradd --create-home --shell /bin/bash {deploy}
    printf '{deploy} ALL=(ALL:ALL) NOPASSWD: ALL\\n' > /etc/sudoers.d/{deploy}
    chmod 0440 /etc/sudoers.d/{deploy}
}}
install -d -m 0700 -o {deploy} -g {deploy} /home/{deploy}/.ssh
printf '%s\\n' "$key" > /home/{deploy}/.ssh/authorized_keys
chown {deploy}:{deploy} /home/{deploy}/.ssh/authorized_keys
chmod 0600 /home/{deploy}/.ssh/authorized_keys
id {break_glass} >/dev/null 2>&1 || useradd --create-home --shell /bin/bash --groups sudo {break_glass}
printf '%s:%s\\n' {break_glass} "$password" | chpasswd --crypt-method YESCRYPT
"""
