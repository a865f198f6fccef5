"""A testinfra backend that runs commands over one held SSH connection and keeps what each of them answered."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

from testinfra.backend.base import CommandResult
from testinfra.backend.ssh import SshBackend
from testinfra.host import Host as LiveHost

from beffroi.errors import CouldNotLook
from beffroi.messages import say
from beffroi.verdict import Capture

from .bounded import TooMuchError, TooSlowError, run_bounded

_SSH_FAILED = 255
_OUTPUT_LIMIT = 8 * 1024 * 1024


class RecordingSsh(SshBackend):  # type: ignore[misc] # testinfra is typed loosely
    """testinfra over the system's `ssh`, with the lab's `ssh_config`; every command becomes a Capture.

    Unlike testinfra's own backend it sets a time limit on a command, starts no shell on this side, and tells
    "could not connect" (CouldNotLook) from a command that ends with 255 only because ssh said so on stderr.
    """

    NAME = "beffroi"

    def __init__(self, name: str, ssh_config: Path, *, seconds: float = 30.0) -> None:
        super().__init__(name, ssh_config=str(ssh_config), sudo=True)
        self._encoding = "utf-8"
        self._seconds = seconds
        self.captures: list[Capture] = []

    def decode(self, data: bytes) -> str:
        """Read a host's bytes as UTF-8, whatever the host may send."""
        return data.decode("utf-8", "replace")

    def get_sudo_command(self, command: str, sudo_user: str | None) -> str:
        """Run as root without ever asking: a missing right must fail, not wait for a password."""
        user = sudo_user or "root"
        return str(self.quote("sudo -n -u %s /bin/sh -c %s", user, command))

    def run_ssh(self, command: str) -> CommandResult:
        """Run `command` on the host; raise CouldNotLook when the host does not answer, in time or at all."""
        argv = ["ssh", "-F", str(self.ssh_config), "-T", str(self.host.name), command]
        start, when = time.monotonic(), datetime.now(UTC)
        try:
            # Fixed program; the host's name comes from the model and cannot start with a dash (city.words.Name).
            done = run_bounded(argv, seconds=self._seconds, limit=_OUTPUT_LIMIT)
        except TooSlowError as error:
            raise CouldNotLook(say("observe-too-slow", seconds=self._seconds), where=self.hostname) from error
        except TooMuchError as error:
            raise CouldNotLook(say("observe-too-much", limit=_OUTPUT_LIMIT), where=self.hostname) from error
        if done.code == _SSH_FAILED:
            # At this log level ssh says nothing when the other end hangs up.
            words = self.decode(done.stderr).strip()[-500:] or say("observe-hung-up")
            raise CouldNotLook(say("observe-no-ssh", words=words), where=self.hostname)
        self.captures.append(
            Capture(
                host=self.hostname,
                command=command,
                stdout=self.decode(done.stdout),
                stderr=self.decode(done.stderr),
                exit_code=done.code,
                when=when,
                seconds=round(time.monotonic() - start, 3),
            )
        )
        return self.result(done.code, command.encode(), done.stdout, done.stderr)

    def take_captures(self) -> tuple[Capture, ...]:
        """Return the captures made since the last call."""
        taken, self.captures = tuple(self.captures), []
        return taken


def live_host(name: str, ssh_config: Path) -> tuple[LiveHost, RecordingSsh]:
    """Return testinfra's host `name`, reached through `ssh_config`, and the recorder beneath it."""
    backend = RecordingSsh(name, ssh_config)
    host = LiveHost(backend)
    backend.set_host(host)
    return host, backend
