"""The text of a town's own predicate, `policies/rules/NAME.py`, which a policy names as `rule: own/NAME`. Pure.

It is read like any other file of the repository, and travels with its policy: whoever judges by a version's policies
judges by that version's predicates.
"""

from __future__ import annotations

import os
import re
from hashlib import sha256
from pathlib import Path

from beffroi.verdict import Frozen

PREFIX = "own/"
FOLDER = "policies/rules"
MOST_BYTES = 65_536
"""The size of a predicate that is still read: a page of Python takes a tenth of it."""

_NAME = re.compile(r"own/[a-z][a-z0-9_]{0,60}")


class Predicate(Frozen):
    """A predicate: its file, as people see it, and its text."""

    file: str
    text: str

    def __str__(self) -> str:
        return f"{self.file} {sha256(self.text.encode()).hexdigest()[:12]}"


def is_own(rule: str | None) -> bool:
    """Tell whether a policy's rule is a predicate of the town's."""
    return rule is not None and rule.startswith(PREFIX)


def read(root: Path, rule: str) -> Predicate | str:
    """Return the predicate that a rule names below `root`, or the key of the message that says why there is none."""
    if not _NAME.fullmatch(rule):
        return "policy-own-name"
    file = f"{FOLDER}/{rule.removeprefix(PREFIX)}.py"
    path = root / file
    inside = Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root / FOLDER))
    if not path.is_file() or not inside:
        return "policy-own-missing"
    with path.open("rb") as stream:
        content = stream.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        return "policy-own-large"
    try:
        return Predicate(file=file, text=content.decode("utf-8"))
    except UnicodeDecodeError:
        return "policy-own-not-text"
