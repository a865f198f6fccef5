"""A stand-in for `ssh`, first on PATH: a small script that plays whatever host a test needs."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class Stub:
    config: Path
    log: Path

    def asked(self) -> list[str]:
        """Return the hosts that were asked, one entry a connection."""
        return self.log.read_text().split() if self.log.exists() else []


@pytest.fixture
def ssh_plays(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], Stub]:
    """Make `ssh -F FILE -T [--] HOST COMMAND` run `script`, which finds HOST in $4 and COMMAND in $5.

    `exec sh -c "$5"` plays a host that does as it is asked, its `sudo` included.
    """

    def play(script: str) -> Stub:
        stub = Stub(tmp_path / "ssh_config", tmp_path / "asked")
        plain = '[ "$4" != -- ] || set -- "$1" "$2" "$3" "$5" "$6"'
        programs = tmp_path / "bin"
        programs.mkdir(exist_ok=True)
        for name, text in {
            "ssh": f'{plain}\necho "$4" >> {stub.log}\n{script}\n',
            "sudo": 'shift 3\nexec "$@"\n',
        }.items():
            (programs / name).write_text(f"#!/bin/sh\n{text}")
            (programs / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
        return stub

    return play
