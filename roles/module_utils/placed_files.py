"""Files and folders in their place: what they hold, whose they are; written beside it and put there at once."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

ROOT = (0, 0)
"""The numbers of root and of its group, as `owners`."""


def says(path: Path, text: str) -> bool:
    """Tell whether a file is there and holds that text; a link is followed."""
    return path.is_file() and path.read_bytes() == text.encode()


def rights(path: Path) -> tuple[int, int, int]:
    """Return a path's permission bits, owner and group; a link is followed. Raise OSError when it is not there."""
    state = path.stat()
    return stat.S_IMODE(state.st_mode), state.st_uid, state.st_gid


def is_held(path: Path, kind: int, mode: int, owners: tuple[int, int] = ROOT) -> bool:
    """Tell whether a path is of that kind (`stat.S_IFREG`...), of that mode and theirs; links are not followed."""
    try:
        state = path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    held = (stat.S_IFMT(state.st_mode), stat.S_IMODE(state.st_mode), state.st_uid, state.st_gid)
    return held == (kind, mode, *owners)


def holds(path: Path, content: str | bytes, mode: int, owners: tuple[int, int] = ROOT) -> bool:
    """Tell whether a path is a file, no link to one, with that content, of that mode and theirs."""
    return is_held(path, stat.S_IFREG, mode, owners) and path.read_bytes() == _bytes(content)


def _bytes(content: str | bytes) -> bytes:
    return content.encode() if isinstance(content, str) else content


def own(path: Path, mode: int, owners: tuple[int, int] = ROOT) -> None:
    """Give a path its owners, then its mode, since a change of owner takes bits away."""
    os.chown(path, *owners)
    path.chmod(mode)


def place_file(path: Path, content: str | bytes, mode: int, owners: tuple[int, int] = ROOT) -> None:
    """Write a file beside its place and put it there at once: nobody ever reads half of it, nor with other rights.

    A link in its place is replaced, not followed. Raise IsADirectoryError when a folder stands there.
    """
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(_bytes(content))
        os.fchown(stream.fileno(), *owners)
        os.fchmod(stream.fileno(), mode)
    draft.replace(path)


def place_folder(path: Path) -> None:
    """Make a folder root's, 0755; what stands in its place, a link for one, goes."""
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        path.unlink()
    path.mkdir(mode=0o755, parents=True, exist_ok=True)
    own(path, 0o755)


def make_room(path: Path) -> None:
    """Remove a whole folder that stands where a file is to be."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)


def remove(path: Path) -> None:
    """Remove a file, a link or a whole folder, if it is there."""
    make_room(path)
    path.unlink(missing_ok=True)
