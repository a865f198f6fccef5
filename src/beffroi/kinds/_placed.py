"""Files of root's that a role writes whole: their text, and how they are looked at without being sent."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any

from pydantic import StringConstraints

from beffroi.errors import CouldNotLook
from beffroi.kinds import KindModel
from beffroi.messages import say
from beffroi.verdict import Finding, Outcome

FOLDER = "root:root 0755 directory"
"""What a folder of ours is, as `held` shows it."""


class Written(KindModel):
    """A file of root's, that everybody may read."""

    path: str
    mode: Annotated[str, StringConstraints(pattern=r"^0[0-7]{3}$")]
    text: str

    def digest(self) -> str:
        """Return the text's SHA-256."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def listing(paths: Iterable[str], *, digested: bool = True) -> str:
    """Return a command that tells, for each path that is there, who holds it, and then its digest or `none`.

    Of a secret not even a digest leaves the machine: `digested` is false.
    """
    digest = '[ -f "$file" ] && sha256sum < "$file" || echo none' if digested else "echo none"
    return (
        f'for file in {" ".join(sorted(paths))}; do if [ -e "$file" ] || [ -L "$file" ]; then '
        f"stat -c '%a|%U|%G|%F|%n' \"$file\"; {digest}; fi; done"
    )


def listed(lines: list[str]) -> dict[str, dict[str, str]]:
    """Return what `listing` told, by path; raise CouldNotLook for a line that says something else."""
    found = {}
    for line, digest in zip(lines[::2], lines[1::2], strict=True):
        fields = line.split("|", 4)
        if len(fields) != len(("mode", "owner", "group", "type", "path")):
            raise CouldNotLook(say("kinds-a-unreadable", line=line))
        mode, owner, group, sort, path = fields
        sort = sort.replace("regular empty", "regular")
        found[path] = {"held": f"{owner}:{group} {int(mode, 8):04o}", "type": sort, "sha256": digest.split(" ")[0]}
    return found


def whole(files: Mapping[str, dict[str, str]], written: Written) -> Finding:
    """Judge whether a file is the one that was written, and held as it must be."""
    wanted = f"root:root {written.mode} regular file sha256:{written.digest()}"
    return held(files, written.path, wanted, lambda it: f"{it['held']} {it['type']} sha256:{it['sha256']}")


def held(
    files: Mapping[str, dict[str, str]], path: str, wanted: str, shown: Callable[[dict[str, str]], str] | None = None
) -> Finding:
    """Judge who holds a path and what sort it is; `shown` says more of it."""
    file = files.get(path)
    tell = shown or (lambda it: f"{it['held']} {it['type']}")
    return verdict(tell(file) == wanted if file else False, path, wanted, tell(file) if file else "absent")


def verdict(good: bool, subject: str, wanted: str, observed: Any) -> Finding:  # noqa: ANN401, FBT001 - shown as text
    """Return a finding that repeats what was wanted where it was found."""
    outcome = Outcome.PASS if good else Outcome.FAIL
    return Finding(outcome=outcome, subject=subject, expected=wanted, observed=wanted if good else str(observed))
