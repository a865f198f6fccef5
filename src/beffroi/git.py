"""Reads a version of a git repository as plain files, running nothing that its content could choose.

No checkout: no filter, hook, attribute, submodule or file-system monitor has a say. Only blobs are asked for, by their
object names (git-cat-file(1)), within bounds; whatever is no plain file of a plain name is told and left out.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from beffroi.errors import CouldNotAct, InvalidInput, MissingTool, Problem
from beffroi.fieldpath import WHOLE_FILE
from beffroi.messages import say
from beffroi.report.visible import one_line

MOST_FILES, MOST_BYTES = 20_000, 64 * 1024 * 1024
"""Files that are read of one version, and bytes of all of them together."""

_LINK, _SUBMODULE = "120000", "160000"
"""Modes of git's trees; all that is left is a plain file."""

_SECONDS = 60
_LONGEST_REFERENCE = 250
_OBJECT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_QUIET = ("core.hooksPath=/dev/null", "core.fsmonitor=false", "core.pager=cat", "protocol.allow=never")


@dataclass(frozen=True)
class Repository:
    """A git repository, by the top folder of its files."""

    top: Path

    def path_of(self, folder: Path) -> PurePosixPath:
        """Return a folder's path from the top; raise InvalidInput when it lies elsewhere."""
        real = Path(os.path.realpath(folder))
        if not real.is_relative_to(self.top):
            raise InvalidInput(say("git-outside", top=self.top.name), where=str(folder))
        return PurePosixPath(real.relative_to(self.top).as_posix())


def repository_of(folder: Path) -> Repository:
    """Return the repository of `folder`; raise InvalidInput when there is none, MissingTool without git."""
    found = _git(folder, "rev-parse", "--show-toplevel")
    if found.returncode:
        raise InvalidInput(say("git-no-repository"), where=str(folder), hint=say("git-no-repository-hint"))
    return Repository(Path(os.path.realpath(found.stdout.decode("utf-8", "surrogateescape").rstrip("\n"))))


def commit_of(repository: Repository, reference: str) -> str:
    """Return the object name of the commit that a person names; raise InvalidInput, with how to fetch it, for none."""
    shown = one_line(reference[:_LONGEST_REFERENCE])
    if not reference or reference.startswith("-") or len(reference) > _LONGEST_REFERENCE or not reference.isprintable():
        raise InvalidInput(say("git-odd-reference", reference=shown), hint=say("git-odd-reference-hint"))
    found = _git(repository.top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{reference}^{{commit}}")
    name = found.stdout.decode("ascii", "replace").strip()
    if found.returncode or not _OBJECT.fullmatch(name):
        raise InvalidInput(say("git-no-reference", reference=shown), hint=say("git-no-reference-hint", name=shown))
    return name


def fork_point(repository: Repository, base: str, head: str) -> str:
    """Return the commit that `head` left `base` at, as a pull request shows it; raise InvalidInput for none."""
    found = _git(repository.top, "merge-base", base, head)
    name = found.stdout.decode("ascii", "replace").strip()
    if found.returncode or not _OBJECT.fullmatch(name):
        raise InvalidInput(say("git-no-fork"), hint=say("git-no-fork-hint"))
    return name


def write_tree(
    repository: Repository, commit: str, folders: Collection[PurePosixPath], into: Path
) -> tuple[Problem, ...]:
    """Write the YAML files below some folders of a commit into an empty folder, at the same paths.

    Return what is refused: links, submodules, odd names. Of more than MOST_FILES or MOST_BYTES nothing is written.
    """
    listed = _Listed()
    listed.add(_entries(repository, commit, folders))
    contents = _contents(repository, list(listed.blobs.values()))
    for path, content in zip(listed.blobs, contents, strict=True):
        target = into / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return tuple(listed.refused)


def _entries(repository: Repository, commit: str, folders: Collection[PurePosixPath]) -> list[bytes]:
    asked = _git(repository.top, "ls-tree", "-r", "-z", "-l", "--full-tree", commit, "--", *map(str, folders))
    if asked.returncode:
        raise CouldNotAct(say("git-failed", words=_words(asked)))
    return [entry for entry in asked.stdout.split(b"\0") if entry]


@dataclass
class _Listed:
    """The object name of each file that is read, by its path, and what is refused of the others."""

    blobs: dict[str, str] = field(default_factory=dict)
    refused: list[Problem] = field(default_factory=list)

    def add(self, entries: Iterable[bytes]) -> None:
        """Sort the entries of `git ls-tree -l`, until there are too many of them."""
        size = 0
        for entry in entries:
            about, _, raw = entry.partition(b"\t")
            mode, _, name, length = about.decode("ascii").split()
            path = raw.decode("utf-8", "surrogateescape")
            key = _refusal(path, mode)
            if key:
                self._refuse(path, key)
            elif _is_read(path):
                size += int(length)
                if len(self.blobs) == MOST_FILES or size > MOST_BYTES:
                    self._refuse(path, "git-too-much", files=MOST_FILES, bytes=MOST_BYTES // 2**20)
                    self.blobs.clear()
                    return
                self.blobs[path] = name

    def _refuse(self, path: str, key: str, **names: Any) -> None:  # noqa: ANN401 - say() takes anything
        self.refused.append(Problem(one_line(path), 1, WHOLE_FILE, say(key, **names), say(f"{key}-hint")))


def _is_read(path: str) -> bool:
    return path.endswith((".yml", ".yaml"))


def _refusal(path: str, mode: str) -> str | None:
    """Return why an entry must not be there. A link that nobody would read (`map.png`) harms nobody."""
    if mode == _SUBMODULE:
        return "git-submodule"
    if mode == _LINK:
        return "git-link" if _is_read(path) or not PurePosixPath(path).suffix else None
    odd = path.startswith("/") or {"..", ".git"} & {*PurePosixPath(path).parts} or "\\" in path
    return "git-odd-name" if _is_read(path) and (odd or not path.isprintable()) else None


def _contents(repository: Repository, names: list[str]) -> Iterator[bytes]:
    """Yield the content of each object, in order."""
    asked = _git(repository.top, "cat-file", "--batch", words="".join(f"{name}\n" for name in names).encode())
    if asked.returncode:
        raise CouldNotAct(say("git-failed", words=_words(asked)))
    rest = memoryview(asked.stdout)
    for _ in names:
        end = bytes(rest[:200]).index(b"\n")
        said = bytes(rest[:end]).split()
        if said[-1] == b"missing":
            raise InvalidInput(say("git-missing-object"), hint=say("git-no-fork-hint"))
        start, length = end + 1, int(said[2])
        yield bytes(rest[start : start + length])
        rest = rest[start + length + 1 :]


def _git(folder: Path, *arguments: str, words: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    quiet = [word for setting in (*_QUIET, "safe.directory=*") for word in ("-c", setting)]
    try:
        return subprocess.run(
            ["git", *quiet, "--no-pager", "--no-replace-objects", "--literal-pathspecs", *arguments],
            cwd=folder,
            input=words,
            env={
                **kept,
                "LC_ALL": "C",
                "GIT_TERMINAL_PROMPT": "0",
                "GIT_OPTIONAL_LOCKS": "0",
                "GIT_NO_LAZY_FETCH": "1",
            },
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except FileNotFoundError as error:
        raise MissingTool(say("git-missing"), hint=say("git-missing-hint")) from error
    except subprocess.TimeoutExpired as error:
        raise CouldNotAct(say("git-slow", seconds=_SECONDS)) from error


def _words(done: subprocess.CompletedProcess[bytes]) -> str:
    return one_line(done.stderr.decode("utf-8", "replace").strip()[-300:])
