from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

OURS = (os.getuid(), os.getgid())


@pytest.fixture(name="files")
def _files(part: Callable[[str], ModuleType]) -> ModuleType:
    return part("placed_files")


def test_a_file_is_placed_with_its_text_and_its_mode(files: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "motd"
    files.place_file(path, "bonjour\n", 0o640, OURS)
    assert path.read_text() == "bonjour\n"
    assert files.rights(path) == (0o640, *OURS)


def test_nothing_stays_beside_a_file_that_is_placed(files: ModuleType, tmp_path: Path) -> None:
    files.place_file(tmp_path / "motd", b"bonjour", 0o644, OURS)
    assert [path.name for path in tmp_path.iterdir()] == ["motd"]


def test_a_link_in_a_file_s_place_is_replaced_and_what_it_named_stays(files: ModuleType, tmp_path: Path) -> None:
    other, path = tmp_path / "other", tmp_path / "motd"
    other.write_text("theirs")
    path.symlink_to(other)
    files.place_file(path, "ours", 0o644, OURS)
    assert (path.is_symlink(), path.read_text(), other.read_text()) == (False, "ours", "theirs")


def test_a_draft_that_a_crash_left_is_not_written_through(files: ModuleType, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("theirs")
    (tmp_path / ".motd.new").symlink_to(other)
    files.place_file(tmp_path / "motd", "ours", 0o644, OURS)
    assert other.read_text() == "theirs"


def test_a_folder_in_a_file_s_place_is_an_error(files: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "motd").mkdir()
    with pytest.raises(IsADirectoryError):
        files.place_file(tmp_path / "motd", "ours", 0o644, OURS)


def test_a_file_holds_what_was_placed(files: ModuleType, tmp_path: Path) -> None:
    files.place_file(tmp_path / "motd", "é", 0o600, OURS)
    assert files.holds(tmp_path / "motd", "é", 0o600, OURS)


@pytest.mark.parametrize(("text", "mode", "group"), [("è", 0o600, 0), ("é", 0o640, 0), ("é", 0o600, 1)])
def test_another_text_mode_or_group_is_not_held(
    files: ModuleType, tmp_path: Path, text: str, mode: int, group: int
) -> None:
    files.place_file(tmp_path / "motd", "é", 0o600, OURS)
    assert not files.holds(tmp_path / "motd", text, mode, (OURS[0], OURS[1] + group))


def test_a_link_to_the_right_file_is_not_held(files: ModuleType, tmp_path: Path) -> None:
    files.place_file(tmp_path / "there", "x", 0o644, OURS)
    (tmp_path / "motd").symlink_to(tmp_path / "there")
    assert not files.holds(tmp_path / "motd", "x", 0o644, OURS)
    assert files.says(tmp_path / "motd", "x")


@pytest.mark.parametrize("name", ["absent", "file/below"])
def test_what_is_not_there_is_not_held_and_says_nothing(files: ModuleType, tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    assert not files.is_held(tmp_path / name, stat.S_IFREG, 0o644, OURS)
    assert not files.says(tmp_path / name, "")


def test_lines_that_end_otherwise_are_another_text(files: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "motd").write_bytes(b"x\r\n")
    assert not files.says(tmp_path / "motd", "x\n")


def test_room_is_made_of_a_folder_but_of_no_file_or_link(files: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "folder" / "below").mkdir(parents=True)
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path)
    for name in ("folder", "file", "link", "absent"):
        files.make_room(tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "link"]


def test_a_file_a_folder_or_a_link_is_removed_and_what_is_absent_is_none_the_worse(
    files: ModuleType, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    (kept / "below").mkdir(parents=True)
    (tmp_path / "folder" / "below").mkdir(parents=True)
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to(kept)
    for name in ("folder", "file", "link", "absent"):
        files.remove(tmp_path / name)
    assert list(tmp_path.iterdir()) == [kept]
    assert list(kept.iterdir()) == [kept / "below"]
