"""The process of a plugin of Pulumi: the port on one line, the signals, the death of the engine.

Pulumi starts a plugin, reads a port from the first line of its standard output, and speaks gRPC to it. At the end it
calls Cancel, sends SIGINT, and SIGKILL five seconds later.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType
from typing import NoReturn

HEARTBEAT_SECONDS = 0.5


class PluginProcess:
    """Ourselves, as a plugin. Make it before anything slow: an engine that dies while we start is then noticed."""

    def __init__(self) -> None:
        self._engine = os.getppid()
        self.stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._leave)

    def _leave(self, _number: int, _frame: FrameType | None) -> None:
        self.stop.set()

    @staticmethod
    def announce(port: int) -> None:
        """Print the port, alone on its line, and let nothing else reach standard output: the engine reads it."""
        sys.stdout.write(f"{port}\n")
        sys.stdout.flush()
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        # The same for Python's own buffer, which `os._exit` would not empty.
        sys.stdout = sys.stderr

    def wait(self) -> bool:
        """Wait until we are asked to stop, and return True; False when the engine has died instead."""
        while not self.stop.wait(HEARTBEAT_SECONDS):
            # Polled, and not PR_SET_PDEATHSIG: that signal comes when the *thread* that started us ends, and the
            # engine's threads come and go while it lives. Asking twice a second costs nothing and works on every Unix.
            if os.getppid() != self._engine:
                return False
        return True

    @staticmethod
    def end() -> NoReturn:
        """End now: threads that still work would hold the interpreter back, and Pulumi waits for us."""
        sys.stderr.flush()
        os._exit(0)
