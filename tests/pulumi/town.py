"""A Pulumi project as a user has it: on disk, run by the CLI alone, our provider an installed plugin."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent

PROGRAM = f"""
import sys
sys.path.insert(0, {str(HERE)!r})
import cupboard
from beffroi.provider.declare import declare
import pulumi
oak = declare(cupboard.cupboard(), cupboard.Box, "oak", {{"name": "oak", "key": "S3CRET"}})
pulumi.export("place", oak.output("place"))
"""


def executable(path: Path, *command: str) -> None:
    """Write a script that becomes `command`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\nexec {" ".join(command)} "$@"\n')
    path.chmod(0o755)


@dataclass
class Town:
    """One project and stack; `run("up", "--yes")` is `pulumi up --yes`."""

    root: Path
    cli: Path

    def __post_init__(self) -> None:
        for name in ("cupboard", "state", "project", "home"):
            (self.root / name).mkdir()
        setting = {"cupboard:directory": {"value": str(self.root / "cupboard")}}
        project = {"name": "town", "runtime": "python", "config": setting}
        (self.root / "project/Pulumi.yaml").write_text(json.dumps(project))
        (self.root / "project/__main__.py").write_text(PROGRAM)
        executable(self.root / "bin/pulumi-language-python", sys.executable, str(HERE / "language_host.py"))
        plugin = self.root / "home/plugins/resource-cupboard-v0.1.0/pulumi-resource-cupboard"
        executable(plugin, sys.executable, str(HERE / "cupboard.py"))
        self.run("stack", "init", "dev")

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start `pulumi WORDS` and return at once."""
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PULUMI_")},
            "PATH": f"{self.root / 'bin'}:/usr/bin:/bin",
            "PULUMI_HOME": str(self.root / "home"),
            "PULUMI_BACKEND_URL": (self.root / "state").as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "correct horse",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }
        command = [str(self.cli), "--non-interactive", "--color=never", *words]
        return subprocess.Popen(
            command,
            cwd=self.root / "project",
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def run(self, *words: str) -> str:
        """Run `pulumi WORDS` and return what it said; fail when it fails."""
        with self.start(*words) as process:
            said = process.communicate(timeout=60)[0]
        assert process.returncode == 0, said
        return said

    def up_until_born(self) -> subprocess.Popen[str]:
        """Start an up whose create goes on and on, and return once the box stands."""
        flag = self.root / "cupboard/slow-oak"
        flag.touch()
        process = self.start("up", "--yes", "--skip-preview")
        while not (self.root / "cupboard/born-oak").exists():
            assert process.poll() is None, process.communicate()[0]
            time.sleep(0.02)
        flag.unlink()
        return process

    def boxes(self) -> list[Path]:
        return list((self.root / "cupboard").glob("box-*.json"))

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.root / "state/.pulumi/stacks/town/dev.json").read_text())
        return dict(found["checkpoint"]["latest"])

    def plugin_processes(self) -> list[int]:
        """The processes of our plugin: those that run tests/pulumi/cupboard.py for this project's engine."""
        return [int(each.parent.name) for each in Path("/proc").glob("[0-9]*/environ") if self._is_plugin(each.parent)]

    def _is_plugin(self, process: Path) -> bool:
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            return str(HERE / "cupboard.py").encode() in words and (
                str(self.root / "home").encode() in (process / "environ").read_bytes()
            )
        except OSError:
            return False
