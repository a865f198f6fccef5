"""SSH servers on loopback for tests: honest ones that run each command in a shell, and keys made for the occasion."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncssh

Serves = Callable[["asyncssh.SSHServerProcess[bytes]"], Awaitable[None]]


async def in_a_shell(process: asyncssh.SSHServerProcess[bytes]) -> None:
    """Run what is asked for in `sh`, as an honest host does; what nobody listens to any more is killed."""
    child = await asyncio.create_subprocess_exec("sh", "-c", process.command or "", stdin=-1, stdout=-1, stderr=-1)
    feeding = asyncio.create_task(_pour(process.stdin, child.stdin))
    try:
        await asyncio.gather(_pour(child.stdout, process.stdout), _pour(child.stderr, process.stderr))
        code = await child.wait()
    finally:
        feeding.cancel()
        child._transport.close()  # noqa: SLF001 - kills, and lets go of the pipes: `wait` alone would wait for them
        await child.wait()
    if code < 0:
        process.exit_with_signal(signal.Signals(-code).name.removeprefix("SIG"))
    else:
        process.exit(code)


async def _pour(source: Any, sink: Any) -> None:  # noqa: ANN401 - asyncio's streams and asyncssh's
    with contextlib.suppress(ConnectionError, asyncssh.Error):
        while piece := await source.read(65536):
            sink.write(piece)
            await sink.drain()
        if isinstance(sink, asyncio.StreamWriter):
            sink.close()


class LetsForward(asyncssh.SSHServer):
    """A bastion: it lets whoever comes in connect onwards."""

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> bool:  # noqa: ARG002
        return True


@dataclass
class Neighbourhood:
    """A folder with a client's key, an `ssh_config` and known hosts, and the servers that were started into it."""

    folder: Path
    client: asyncssh.SSHKey = field(default_factory=lambda: asyncssh.generate_private_key("ssh-ed25519"))
    sections: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.client.write_private_key(self.folder / "id_ed25519")

    @property
    def config(self) -> Path:
        """Write and return the `ssh_config` that leads to the servers."""
        everyone = (
            f'Host *\n  User deploy\n  IdentityFile "{self.folder}/id_ed25519"\n'
            f'  UserKnownHostsFile "{self.folder}/known_hosts"\n'
        )
        (self.folder / "ssh_config").write_text("\n".join([*self.sections, everyone]))
        (self.folder / "known_hosts").write_text("\n".join(self.known) + "\n")
        return self.folder / "ssh_config"

    def lead(self, name: str, port: int, key: asyncssh.SSHKey | None, *lines: str) -> None:
        """Write the way to one host; without `key` its host key stays unknown."""
        section = [f"Host {name}", "HostName 127.0.0.1", f"Port {port}", f"HostKeyAlias {name}", *lines]
        self.sections.append("\n  ".join(section) + "\n")
        if key is not None:
            self.known.append(f"{name} {key.export_public_key().decode().strip()}")

    @contextlib.asynccontextmanager
    async def serve(
        self, *names: str, run: Serves = in_a_shell, lines: tuple[str, ...] = (), **options: object
    ) -> AsyncIterator[asyncssh.SSHAcceptor]:
        """Serve SSH on a free port under each of `names`, as long as the context lasts."""
        key, entered = asyncssh.generate_private_key("ssh-ed25519"), list[asyncssh.SSHServerConnection]()
        settings: dict[str, object] = {
            "server_host_keys": [key],
            "authorized_client_keys": asyncssh.import_authorized_keys(self.client.export_public_key().decode()),
            "process_factory": run,
            "encoding": None,
            "server_factory": LetsForward,
            "acceptor": entered.append,
        }
        async with asyncssh.listen("127.0.0.1", 0, **(settings | options)) as server:
            for name in names:
                self.lead(name, server.get_port(), key, *lines)
            try:
                yield server
            finally:
                for connection in entered:
                    connection.abort()
                await asyncio.sleep(0.01)  # transports close in a later turn of the loop
