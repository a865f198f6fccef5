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
    """Make `ssh -F FILE -T HOST COMMAND` run `script`, which finds HOST in $4 and COMMAND in $5."""

    def play(script: str) -> Stub:
        stub = Stub(tmp_path / "ssh_config", tmp_path / "asked")
        program = tmp_path / "bin" / "ssh"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f'#!/bin/sh\necho "$4" >> {stub.log}\n{script}\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
        return stub

    return play
