"""What may not stand in a committed file, and what each dependency owes its reader."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WORKPLACE = re.compile(rb"/" + rb"work/|/tmp" + rb"/w/")  # in two pieces, or this file would find itself
LOCKS = sorted(ROOT.glob("requirements*.lock"))


def _tracked() -> list[Path]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return [path for name in listed.decode().split("\0") if name and (path := ROOT / name).is_file()]


def _direct() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    optional = [line for lines in project["project"]["optional-dependencies"].values() for line in lines]
    wanted = [*project["project"]["dependencies"], *optional, *project["dependency-groups"]["dev"]]
    return [re.split(r"[<>=!~\[; ]", line)[0] for line in wanted]


def test_no_committed_file_names_the_place_where_it_was_written() -> None:
    assert not [str(path.relative_to(ROOT)) for path in _tracked() if WORKPLACE.search(path.read_bytes())]


def test_no_committed_file_is_a_binary() -> None:
    assert not [str(path.relative_to(ROOT)) for path in _tracked() if b"\0" in path.read_bytes()]


def test_no_committed_file_holds_a_private_key() -> None:
    mark = b"-----BEGIN " + b"OPENSSH PRIVATE KEY"
    assert not [str(path.relative_to(ROOT)) for path in _tracked() if mark in path.read_bytes()]


def test_there_are_locks() -> None:
    assert [path.name for path in LOCKS] == ["requirements-dev.lock", "requirements.lock"]


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_a_lock_names_no_index(path: Path) -> None:
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links|--trusted-host", path.read_text("utf-8"))


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_every_package_of_a_lock_has_its_checksums(path: Path) -> None:
    entries = re.split(r"(?m)^(?=[A-Za-z0-9])", path.read_text("utf-8"))
    packages = [entry for entry in entries if "==" in entry]
    assert packages
    assert not [entry.splitlines()[0] for entry in packages if "--hash=sha256:" not in entry]


@pytest.mark.parametrize("name", _direct())
def test_a_direct_dependency_says_why_it_is_here(name: str) -> None:
    page = (ROOT / "docs" / "dependencies.md").read_text("utf-8")
    assert len(re.findall(rf"^\| `{re.escape(name)}` \| .{{10,}}\|$", page, re.MULTILINE)) == 1


def test_a_dependency_that_has_left_keeps_no_line() -> None:
    page = (ROOT / "docs" / "dependencies.md").read_text("utf-8").partition("## Programs")[0]
    assert set(re.findall(r"^\| `([^`]+)` \|", page, re.MULTILINE)) == set(_direct())
