"""testinfra's host over whatever answers commands with captures: a live machine, or what was kept of one."""

from __future__ import annotations

from collections.abc import Callable

from testinfra.backend.base import BaseBackend, CommandResult
from testinfra.host import Host as LiveHost

from beffroi.verdict import Capture

Ask = Callable[[str], Capture]
"""Answers a command, as it is typed on the machine; raises CouldNotLook when there is no answer."""


class AskingBackend(BaseBackend):  # type: ignore[misc] # testinfra is typed loosely
    """A testinfra backend that asks: every command as root, and never for a password."""

    NAME = "beffroi"

    def __init__(self, name: str, ask: Ask) -> None:
        super().__init__(name, sudo=True)
        self._encoding = "utf-8"
        self._ask = ask

    def get_sudo_command(self, command: str, sudo_user: str | None) -> str:
        """Run as root without ever asking: a missing right must fail, not wait for a password."""
        return str(self.quote("sudo -n -u %s /bin/sh -c %s", sudo_user or "root", command))

    def run(self, command: str, *args: str, **_: object) -> CommandResult:
        """Return what `command` left behind; raise CouldNotLook when that is not known."""
        capture = self._ask(self.get_command(command, *args))
        return self.result(capture.exit_code, capture.command.encode(), capture.stdout, capture.stderr)


def asking_host(name: str, ask: Ask) -> LiveHost:
    """Return testinfra's host `name`, whose commands are answered by `ask`."""
    backend = AskingBackend(name, ask)
    host = LiveHost(backend)
    backend.set_host(host)
    return host
