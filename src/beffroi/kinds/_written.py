"""Files that a role writes whole and a check knows by their digest, and how they are looked at."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated

from pydantic import StringConstraints

from beffroi.verdict import Finding

from . import KindModel
from ._findings import finding
from ._sections import Section


class Written(KindModel):
    """A file of root's, its mode and its whole text."""

    path: str
    text: str
    mode: Annotated[str, StringConstraints(pattern=r"^0[0-7]{3}$")] = "0644"

    def shown(self) -> str:
        """Return what the file must be, in one line."""
        return f"root:root {self.mode} regular file sha256:{hashlib.sha256(self.text.encode()).hexdigest()}"


def question(paths: Iterable[str]) -> str:
    """Return the question for what files are, of those that are there; their text stays on the machine."""
    return (
        f'for file in {" ".join(paths)}; do if [ -e "$file" ]; then stat -c \'%a|%U|%G|%F|%n\' "$file"; '
        '[ -f "$file" ] && sha256sum < "$file" || echo none; fi; done'
    )


def answer(section: Section) -> dict[str, str]:
    """Return what each file was found to be, in one line, by its path."""
    found, lines = {}, section.lines()
    for line, digest in zip(lines[::2], lines[1::2], strict=True):
        mode, owner, group, sort, path = line.split("|", 4)
        found[path] = f"{owner}:{group} {int(mode, 8):04o} {sort} sha256:{digest.split(' ')[0]}"
    return found


def findings(files: Iterable[Written], seen: Mapping[str, str]) -> Iterator[Finding]:
    """Yield a finding a file."""
    for file in files:
        yield _held(file.path, file.shown(), seen)


def program(path: str, digest: str, seen: Mapping[str, str]) -> Finding:
    """Return the finding of a program that is known by its SHA-256 alone."""
    return _held(path, f"root:root 0644 regular file sha256:{digest}", seen)


def _held(path: str, wanted: str, seen: Mapping[str, str]) -> Finding:
    observed = seen.get(path, "absent")
    return finding(observed == wanted, path, wanted, observed)
