"""A command whose standard streams lead to a host (ProxyCommand, ssh_config(5))."""

from __future__ import annotations

import asyncio
import socket
import subprocess
from dataclasses import dataclass


@dataclass(frozen=True)
class Proxy:
    """A running command, and our end of the socket that it reads and writes.

    Not asyncssh's own `proxy_command`: that takes what the command says on its standard error for the host's words.
    """

    process: subprocess.Popen[bytes]
    socket: socket.socket

    @classmethod
    def start(cls, command: str) -> Proxy:
        """Start `command` by a shell, as ssh does; raise OSError when there is none."""
        ours, theirs = socket.socketpair()
        with theirs:
            argv = ["/bin/sh", "-c", f"exec {command}"]
            process = subprocess.Popen(
                argv, stdin=theirs.fileno(), stdout=theirs.fileno(), stderr=subprocess.DEVNULL, start_new_session=True
            )
        return cls(process, ours)

    async def end(self) -> None:
        """End the command; one that has ended may be ended again. Whoever took the socket closes it."""
        self.process.kill()
        await asyncio.to_thread(self.process.wait)
