"""Towns in labs of their own, driven by the real command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from beffroi.lab import cgroups

REPOSITORY = Path(__file__).parent.parent


@dataclass(frozen=True)
class LabTown:
    """A town in a lab of its own: the real command line, its own state, its own machines."""

    folder: Path
    stack: str
    state: Path

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "BEFFROI_STATE": str(self.state), "BEFFROI_LANG": "en"}

    def beffroi(self, *words: str, seconds: float = 600) -> subprocess.CompletedProcess[str]:
        argv = [str(Path(sys.executable).with_name("beffroi")), *self._with_town(words)]
        return subprocess.run(
            argv, env=self.environment, cwd=REPOSITORY, capture_output=True, text=True, timeout=seconds, check=False
        )

    def _with_town(self, words: tuple[str, ...]) -> list[str]:
        verbs = 2 if words[0] in {"lab", "flows"} else 1
        return [*words[:verbs], "--stack", self.stack, str(self.folder), *words[verbs:]]

    def apply(self, *options: str) -> subprocess.CompletedProcess[str]:
        return self.beffroi("apply", "--yes", *options)

    def exec(self, host: str, script: str) -> str:
        done = self.beffroi("lab", "exec", host, "--", "sh", "-euc", script)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def verdicts(self) -> tuple[int, dict[tuple[str, str], dict[str, Any]]]:
        done = self.beffroi("verify", "--json")
        assert done.stdout, done.stderr
        found = json.loads(done.stdout)["verdicts"]
        return done.returncode, {(verdict["host"], verdict["control"]): verdict for verdict in found}

    def not_passing(self) -> dict[tuple[str, str], str]:
        _, verdicts = self.verdicts()
        return {
            key: verdict["outcome"]
            for key, verdict in verdicts.items()
            if verdict["outcome"] not in {"pass", "notapplicable"}
        }

    def leftovers(self) -> list[str]:
        """Return what of this lab is still on the computer: namespaces, mounts, processes, folders."""
        lab = f"bf-{self.stack}"
        namespaces = Path("/run/netns").iterdir() if Path("/run/netns").is_dir() else ()
        left = [str(entry) for entry in namespaces if entry.name == lab or entry.name.startswith(f"{lab}.")]
        folder = f"/labs/{self.stack}/"
        left += [line for line in Path("/proc/self/mounts").read_text().splitlines() if folder in line]
        for entry in Path("/proc").glob("[0-9]*/cmdline"):
            words = entry.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace") if entry.exists() else ""
            if folder in words:
                left.append(words)
        return left + cgroups.left(f"{self.stack}.")


def new_town(folder: Path, stack: str, state: Path) -> LabTown:
    return LabTown(REPOSITORY / folder, f"{stack}-{os.getpid()}", state)
