"""Where the control side keeps what it must remember of a stack: outside the checkout, readable by its user alone."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from beffroi.errors import Interrupted
from beffroi.messages import say


def state_root() -> Path:
    """Return the folder of all stacks: BEFFROI_STATE, else `beffroi` in XDG_STATE_HOME (`~/.local/state`)."""
    chosen = os.environ.get("BEFFROI_STATE")
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "beffroi"


@dataclass(frozen=True)
class StackState:
    """The folders of the stack `name`."""

    name: str

    @property
    def folder(self) -> Path:
        """Return the stack's folder, made now if need be (mode 0700)."""
        folder = state_root() / self.name
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    def part(self, name: str) -> Path:
        """Return a sub-folder, made now if need be."""
        folder = self.folder / name
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def passphrase_file(self) -> Path:
        """Return the file of the passphrase that encrypts this stack's secrets; made once, mode 0600."""
        path = self.folder / "passphrase"
        if not path.exists():
            draft = self.folder / f"passphrase.{os.getpid()}"
            draft.touch(mode=0o600)
            draft.write_text(secrets.token_urlsafe(32))
            try:
                os.link(draft, path)  # never replaces a passphrase that another run made meanwhile
            except FileExistsError:
                pass
            finally:
                draft.unlink()
        return path

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the stack; raise Interrupted when another run does. The lock ends with its process, however it ends."""
        with (self.folder / "lock").open("a+") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                lock.seek(0)
                raise Interrupted(
                    say("state-locked", stack=self.name, pid=lock.read().strip() or "?"), hint=say("state-locked-hint")
                ) from error
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield
