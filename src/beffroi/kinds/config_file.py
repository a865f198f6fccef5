"""A file that must say exactly what the town decided, and the service that has to read it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import StringConstraints

from beffroi.errors import CouldNotLook
from beffroi.kinds import KindModel, SettingModel, Site
from beffroi.messages import say
from beffroi.verdict import Finding, Outcome

from ._asking import ask
from ._order import Answer, altogether, fewer_bits, lacks

if TYPE_CHECKING:
    from testinfra.host import Host as LiveHost

FilePath = Annotated[str, StringConstraints(pattern=r"^(/[A-Za-z0-9._@-]+)+$", max_length=200)]
UnixName = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_-]{0,30}$")]
Mode = Annotated[str, StringConstraints(pattern=r"^0[0-7]{3}$")]
Content = Annotated[str, StringConstraints(max_length=100_000)]
Service = Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9@_.-]+\.(service|socket|timer))?$")]

MEANS = {
    "service": "what reads the file; reloaded when the file changes, and a control of its own holds that it runs",
    "removed": "names of files, each of which is looked for",
}
"""Values that a pass need not tell from others, and why (beffroi.coverage)."""


class Params(KindModel):
    """A file, its exact content, who may touch it, and the service to reload (or restart, if it cannot) on change.

    `removed`: files that would contradict this one and must not be there.
    """

    path: FilePath
    content: Content
    owner: UnixName = "root"
    group: UnixName = "root"
    mode: Mode = "0644"
    service: Service = ""
    removed: tuple[FilePath, ...] = ()


class Setting(SettingModel):
    """One file."""

    path: FilePath
    content: Content
    owner: UnixName
    group: UnixName
    mode: Mode
    service: Service = ""
    removed: tuple[FilePath, ...] = ()

    @property
    def key(self) -> str:
        """Return the path."""
        return self.path

    def digest(self) -> str:
        """Return the content's SHA-256."""
        return hashlib.sha256(self.content.encode()).hexdigest()


EVERYWHERE = True


def expected(params: Params, site: Site) -> list[Setting]:  # noqa: ARG001 - the same on every machine
    """Return the one setting that `params` names."""
    return [Setting.model_validate(params.model_dump())]


def weakened(before: Params, after: Params) -> Answer:
    """Tell whether the file, or one that may not stand beside it, is given up, or more is granted on it.

    Contents, owners and services cannot be ordered.
    """
    if before.path != after.path or lacks(before.removed, after.removed):
        return True
    fixed = {"content", "owner", "group", "service"}
    same = before.model_dump(include=fixed) == after.model_dump(include=fixed)
    return altogether((fewer_bits(before.mode, after.mode), False if same else None))


def observe(host: LiveHost, settings: list[Setting]) -> dict[str, Any]:
    """Return each file's mode, owner, group, type and SHA-256; the content itself stays on the host."""
    paths = sorted({path for setting in settings for path in (setting.path, *setting.removed)})
    script = f"""
set -e
for file in {" ".join(paths)}; do
  if [ -e "$file" ] || [ -L "$file" ]; then
    stat -c '%a|%U|%G|%F|%n' "$file"
    [ -f "$file" ] && sha256sum < "$file" || echo none
  fi
done"""
    lines = ask(host, script).splitlines()
    files = {}
    for line, digest in zip(lines[::2], lines[1::2], strict=True):
        fields = line.split("|", 4)
        if len(fields) != len(("mode", "owner", "group", "type", "path")):
            raise CouldNotLook(say("kinds-a-unreadable", line=line))
        mode, owner, group, sort, path = fields
        files[path] = {
            "mode": f"{int(mode, 8):04o}",
            "owner": owner,
            "group": group,
            "type": sort,
            "sha256": digest.split(" ")[0],
        }
    return {"files": files}


def judge(settings: list[Setting], facts: dict[str, Any]) -> list[Finding]:
    """Compare each file with what it must be."""
    return [finding for setting in settings for finding in _findings(setting, facts["files"])]


def _findings(setting: Setting, files: dict[str, dict[str, str]]) -> list[Finding]:
    wanted = _shown(setting.owner, setting.group, setting.mode, setting.digest())
    file = files.get(setting.path)
    found = _shown(file["owner"], file["group"], file["mode"], file["sha256"]) if file else "absent"
    right = found == wanted and file is not None and file["type"] == "regular file"
    own = Finding(
        outcome=Outcome.PASS if right else Outcome.FAIL,
        subject=setting.path,
        expected=wanted,
        observed=found if file is None or file["type"].startswith("regular") else f"{found} {file['type']}",
    )
    return [own] + [
        Finding(
            outcome=Outcome.FAIL if path in files else Outcome.PASS,
            subject=path,
            expected="absent",
            observed=files[path]["type"] if path in files else "absent",
        )
        for path in setting.removed
    ]


def _shown(owner: str, group: str, mode: str, digest: str) -> str:
    return f"{owner}:{group} {mode} sha256:{digest}"
