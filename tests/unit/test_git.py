"""Versions read from git: what a repository holds, and what it may hold to harm who reads it."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

import pytest
from repositories import TOWN, TownRepository, town_repository

from beffroi import git
from beffroi.errors import InvalidInput


@pytest.fixture(name="made")
def _made(tmp_path: Path) -> TownRepository:
    return town_repository(tmp_path / "repository")


def _refused(made: TownRepository, into: Path, commit: str = "HEAD", folder: str = TOWN) -> list[tuple[str, str]]:
    """Write a version's files; return the path and the reason of what is refused."""
    repository = git.repository_of(made.folder)
    problems = git.write_tree(repository, git.commit_of(repository, commit), [PurePosixPath(folder)], into)
    return [(it.file, it.reason) for it in problems]


def _read(made: TownRepository, into: Path) -> dict[str, str]:
    assert _refused(made, into) == []
    return {path.relative_to(into).as_posix(): path.read_text() for path in into.rglob("*") if path.is_file()}


def test_a_commits_files_are_read_as_they_were_committed(made: TownRepository, tmp_path: Path) -> None:
    committed = (made.town / "city.yml").read_text()
    (made.town / "city.yml").write_text("town: changed since\n")
    assert _read(made, tmp_path / "out") == {f"{TOWN}/city.yml": committed}


def test_files_of_other_sorts_are_left_alone(made: TownRepository, tmp_path: Path) -> None:
    (made.town / "tool.py").write_text("print()")
    made.commit()
    assert list(_read(made, tmp_path / "out")) == [f"{TOWN}/city.yml"]


def test_nothing_that_a_repository_asks_for_is_run(made: TownRepository, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    for name in ("post-checkout", "reference-transaction", "fsmonitor-watchman"):
        hook = made.folder / ".git" / "hooks" / name
        hook.write_text(f"#!/bin/sh\ntouch {mark}\n")
        hook.chmod(0o755)
    made.git("config", "filter.evil.smudge", f"touch {mark}")
    made.git("config", "core.fsmonitor", f"touch {mark}")
    (made.folder / ".gitattributes").write_text("*.yml filter=evil diff=evil export-subst\n")
    made.commit()
    mark.unlink(missing_ok=True)  # what committing ran is the committer's own affair
    _read(made, tmp_path / "out")
    assert not mark.exists()


@pytest.mark.parametrize("name", ["flows.yml", "flows.yaml", "folder"])
def test_a_link_is_refused_by_its_name_and_never_followed(made: TownRepository, tmp_path: Path, name: str) -> None:
    (made.town / name).symlink_to("/etc/passwd")
    made.commit()
    [(file, reason)] = _refused(made, tmp_path / "out")
    assert file == f"{TOWN}/{name}"
    assert "symbolic link" in reason
    assert [path.name for path in (tmp_path / "out" / TOWN).iterdir()] == ["city.yml"]


def test_a_link_to_what_nobody_reads_is_left_alone(made: TownRepository, tmp_path: Path) -> None:
    (made.town / "map.png").symlink_to("../map.png")
    made.commit()
    assert _refused(made, tmp_path / "out") == []


@pytest.mark.parametrize("name", ["shared", "shared.yml", "photos.d"])
def test_a_submodule_is_refused_by_its_name(made: TownRepository, tmp_path: Path, name: str) -> None:
    made.git("update-index", "--add", "--cacheinfo", f"160000,{'1' * 40},{TOWN}/{name}")
    made.git("commit", "--quiet", "--message", "x")
    [(file, reason)] = _refused(made, tmp_path / "out")
    assert file == f"{TOWN}/{name}"
    assert "submodule" in reason


@pytest.mark.parametrize("name", ["../../escaped.yml", "/absolute.yml", "a\x1b[31m.yml", ".git/config.yml"])
def test_a_name_that_leads_elsewhere_is_refused(made: TownRepository, tmp_path: Path, name: str) -> None:
    blob = made.git("hash-object", "-w", "--stdin", stdin="town: {}\n")
    assert _refused(made, tmp_path / "out", _tree_with(made, name, blob), ".")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["repository"] or not list((tmp_path / "out").rglob("*"))


def _tree_with(made: TownRepository, name: str, blob: str) -> str:
    """Write a commit whose tree names a file as no index would."""
    raw = b"100644 " + name.encode() + b"\0" + bytes.fromhex(blob)
    path = made.folder / "raw"
    path.write_bytes(raw)
    tree = made.git("hash-object", "-w", "-t", "tree", "--literally", str(path))
    return made.git("commit-tree", tree, "-m", "odd")


def test_more_than_can_be_read_is_refused(
    made: TownRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(12):
        (made.town / f"{number}.yml").write_text("{}")
    made.commit()
    monkeypatch.setattr(git, "MOST_FILES", 10)
    [(_, reason)] = _refused(made, tmp_path / "out")
    assert "more than 10 YAML files" in reason
    assert not (tmp_path / "out").exists()


def test_a_blob_that_is_too_large_is_never_written(made: TownRepository, tmp_path: Path) -> None:
    with (made.town / "huge.yml").open("wb") as huge:
        huge.truncate(git.MOST_BYTES + 1)
    made.commit()
    [(_, reason)] = _refused(made, tmp_path / "out")
    assert "MiB" in reason
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("reference", ["", "--upload-pack=touch x", "-h", "nowhere", "a b\n", "x" * 300, "main^{tree}"])
def test_what_names_no_commit_is_told_with_a_way_out(made: TownRepository, reference: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        git.commit_of(git.repository_of(made.folder), reference)
    assert caught.value.hint


def test_a_change_is_compared_with_where_it_left_its_base(made: TownRepository) -> None:
    left = made.git("rev-parse", "main")
    mine = made.commit("mine")
    made.git("checkout", "--quiet", "main")
    theirs = made.commit("theirs")
    assert git.fork_point(git.repository_of(made.folder), theirs, mine) == left


def test_a_shallow_clone_without_the_base_says_how_to_fetch_it(made: TownRepository, tmp_path: Path) -> None:
    base = made.git("rev-parse", "main")
    made.commit("one")
    made.commit("two")
    made.git("clone", "--quiet", "--depth=1", f"file://{made.folder}", str(tmp_path / "shallow"))
    with pytest.raises(InvalidInput) as caught:
        git.commit_of(git.repository_of(tmp_path / "shallow"), base)
    assert "fetch-depth: 0" in str(caught.value)


def test_a_folder_outside_of_any_repository_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no git repository"):
        git.repository_of(tmp_path)


@pytest.fixture(autouse=True)
def _no_repository_above(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environ, "GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
