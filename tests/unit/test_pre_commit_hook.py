"""The pre-commit hook at work: real commits, refused and taken."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from repositories import CHECKOUT, TOWN, TownRepository, town_repository

pytestmark = pytest.mark.slow

HOOK = CHECKOUT / "templates" / "ci" / "pre-commit"
CITY = f"{TOWN}/city.yml"
LAST_FLOW = "  - {name: sensors-to-time"
SHORTCUT = "  - {name: shortcut, from: sensors-on-poles, to: log, service: ssh, purpose: {fr: x, en: x}}\n"
WORDS = ('en: "Keep logs"', 'en: "Keep the logs"')


@pytest.fixture(name="made")
def _made(tmp_path: Path) -> TownRepository:
    made = town_repository(tmp_path / "repository")
    (made.folder / ".git" / "hooks" / "pre-commit").symlink_to(HOOK)
    return made


def commit(made: TownRepository, *paths: str) -> subprocess.CompletedProcess[str]:
    """Stage and commit as a person would, with the hook."""
    made.git("add", *(paths or ["--all"]))
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "BEFFROI_LANG": "en"}
    who = ["-c", "user.name=x", "-c", "user.email=x@x"]
    return subprocess.run(
        ["git", *who, "commit", "--message", "A change"],
        cwd=made.folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_commit_that_breaks_a_policy_is_refused(made: TownRepository) -> None:
    before = made.git("rev-parse", "HEAD")
    made.edit(CITY, LAST_FLOW, SHORTCUT + LAST_FLOW)
    done = commit(made)
    assert done.returncode == 1
    assert "network/ssh-through-the-bastion" in done.stdout + done.stderr
    assert made.git("rev-parse", "HEAD") == before


def test_a_commit_that_breaks_nothing_is_taken(made: TownRepository) -> None:
    before = made.git("rev-parse", "HEAD")
    made.edit(CITY, *WORDS)
    done = commit(made)
    assert done.returncode == 0, done.stdout + done.stderr
    assert made.git("rev-parse", "HEAD^") == before


def test_what_is_staged_is_judged_and_not_the_files_as_they_are(made: TownRepository) -> None:
    made.edit(CITY, *WORDS)
    made.git("add", "--all")
    made.edit(CITY, LAST_FLOW, "nonsense: [" + LAST_FLOW)
    (made.folder / "note.txt").write_text("x\n")
    done = commit(made, "note.txt")
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_stood_before_does_not_stand_in_the_way(made: TownRepository) -> None:
    made.edit(CITY, LAST_FLOW, SHORTCUT + LAST_FLOW)
    made.commit()
    made.edit(CITY, *WORDS)
    done = commit(made)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_commit_of_other_files_is_not_judged(made: TownRepository) -> None:
    (made.folder / "note.txt").write_text("x\n")
    done = commit(made)
    assert (done.returncode, "accepted" in done.stdout + done.stderr) == (0, False)


def test_the_first_commit_of_a_repository_is_judged(made: TownRepository) -> None:
    made.edit(CITY, LAST_FLOW, SHORTCUT + LAST_FLOW)
    made.git("checkout", "--quiet", "--orphan", "first")
    assert commit(made).returncode == 1


def test_pre_commit_finds_the_hook_and_calls_it_for_a_towns_files() -> None:
    [hook] = yaml.safe_load((CHECKOUT / ".pre-commit-hooks.yaml").read_text())
    assert (CHECKOUT / hook["entry"]).samefile(HOOK)
    assert os.access(HOOK, os.X_OK)
    assert [path for path in (CITY, "policies/a/b.yml", "README.md") if re.search(hook["files"], path)] == [
        CITY,
        "policies/a/b.yml",
    ]
