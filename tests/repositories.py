"""Throw-away git repositories of a small town: its files, the policies and the controls of this checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

CHECKOUT = Path(__file__).parents[1]
TOWN = "inventory/hamlet"
_ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    **{
        f"GIT_{who}_{what}": word for who in ("AUTHOR", "COMMITTER") for what, word in (("NAME", "x"), ("EMAIL", "x@x"))
    },
}


@dataclass(frozen=True)
class TownRepository:
    """A repository whose branch `main` holds the town; work goes on in the branch `change`."""

    folder: Path

    def git(self, *words: str, stdin: str = "") -> str:
        done = subprocess.run(
            ["git", *words], cwd=self.folder, env=_ENVIRONMENT, input=stdin, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    @property
    def town(self) -> Path:
        return self.folder / TOWN

    def edit(self, file: str, find: str, replace: str) -> None:
        path = self.folder / file
        text = path.read_text()
        assert find in text, f"{find!r} is not in {file}"
        path.write_text(text.replace(find, replace, 1))

    def commit(self, message: str = "A change") -> str:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--no-verify", "--message", message)
        return self.git("rev-parse", "HEAD")


@cache
def _template() -> Path:
    made = TownRepository(Path(mkdtemp(prefix="beffroi-repository-")))
    shutil.copytree(CHECKOUT / "tests" / "cases" / "hamlet", made.town)
    for content in ("compliance", "policies"):
        shutil.copytree(CHECKOUT / content, made.folder / content, ignore=shutil.ignore_patterns("__pycache__"))
    made.git("init", "--quiet", "--initial-branch=main")
    made.commit("The town")
    return made.folder


def town_repository(folder: Path) -> TownRepository:
    """Make a repository in a folder that does not exist yet."""
    shutil.copytree(_template(), folder, symlinks=True)
    made = TownRepository(folder)
    made.git("checkout", "--quiet", "-b", "change")
    return made
