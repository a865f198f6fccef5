"""Who may touch a file or a folder: its owner, its group, and the most that its permission bits may grant (stat(1))."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import StringConstraints, model_validator

from beffroi.city import Host
from beffroi.errors import CouldNotLook
from beffroi.kinds import KindModel, SettingModel, Site
from beffroi.messages import say
from beffroi.verdict import Finding, Outcome

from ._asking import ask
from ._order import Answer, altogether, fewer_bits

if TYPE_CHECKING:
    from testinfra.host import Host as LiveHost

_STICKY = 0o1000

Pattern = Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9._/*-]*[A-Za-z0-9*-]$", max_length=200)]
"""An absolute path; `*` stands for any part of one name, hidden files left out, as in a shell."""

UnixName = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_-]{0,30}$")]
Mode = Annotated[str, StringConstraints(pattern=r"^[0-7]{4}$")]


class Params(KindModel):
    """Either `paths` with their owner, group and greatest mode, or `stores`: every store that the city puts here.

    A sticky bit in `mode` must be set; any other bit of `mode` may be missing. `create` makes a folder that is missing;
    `absent_ok` says that a missing file is as good as a closed one.
    """

    paths: tuple[Pattern, ...] = ()
    owner: UnixName = "root"
    group: UnixName = "root"
    mode: Mode = "0644"
    create: Literal["", "directory"] = ""
    absent_ok: bool = False
    stores: bool = False

    @model_validator(mode="after")
    def _names_what_it_is_about(self) -> Self:
        if bool(self.paths) == self.stores:
            raise ValueError(say("kinds-a-paths-or-stores"))
        return self


class Setting(SettingModel):
    """One path, or pattern of paths, and who may touch it."""

    path: Pattern
    owner: UnixName
    group: UnixName
    mode: Mode
    create: Literal["", "directory"] = ""
    absent_ok: bool = False

    @property
    def key(self) -> str:
        """Return the path."""
        return self.path


def expected(params: Params, site: Site) -> list[Setting]:
    """Return a setting for each path, or for each store of the machine."""
    if params.stores:
        stores = site.machine.stores.values() if isinstance(site.machine, Host) else ()
        return [
            Setting(path=store.path, owner=store.owner, group=store.group, mode=store.mode, create="directory")
            for store in stores
        ]
    return [
        Setting(
            path=path,
            owner=params.owner,
            group=params.group,
            mode=params.mode,
            create=params.create,
            absent_ok=params.absent_ok,
        )
        for path in params.paths
    ]


def weakened(before: Params, after: Params) -> Answer:
    """Tell whether a path is given up, or more is granted on it; two owners that are not root cannot be ordered."""
    if before.stores != after.stores:
        return True
    covered = all(any(_names(pattern, path) or pattern == path for pattern in after.paths) for path in before.paths)
    if not covered or (after.absent_ok and not before.absent_ok) or _sticky(before) > _sticky(after):
        return True
    return altogether(
        (
            fewer_bits(f"{int(before.mode, 8) & ~_STICKY:o}", f"{int(after.mode, 8) & ~_STICKY:o}"),
            _other_holder(before.owner, after.owner),
            _other_holder(before.group, after.group),
            None if before.create > after.create else False,
        )
    )


def _sticky(params: Params) -> int:
    return int(params.mode, 8) & _STICKY


def _other_holder(before: str, after: str) -> Answer:
    return False if after in (before, "root") else True if before == "root" else None


def observe(host: LiveHost, settings: list[Setting]) -> dict[str, Any]:
    """Return type, mode, owner and group of everything that a setting's path names; links are not followed.

    One walk for all settings, of the folders that they name alone; `xargs`, since a pattern may name more files than
    one command takes.
    """
    patterns = " ".join(sorted({setting.path for setting in settings}))
    script = f"""
set -e
for file in {patterns}; do
  [ ! -e "$file" -a ! -L "$file" ] || printf '%s\\0' "$file"
done | xargs -0 -r stat -c '%a|%U|%G|%F|%n' --"""
    files = {}
    for line in ask(host, script).splitlines():
        fields = line.split("|", 4)
        if len(fields) != len(("mode", "owner", "group", "type", "path")):
            raise CouldNotLook(say("kinds-a-unreadable", line=line))
        mode, owner, group, sort, path = fields
        files[path] = {"mode": f"{int(mode, 8):04o}", "owner": owner, "group": group, "type": sort}
    return {"files": files}


def judge(settings: list[Setting], facts: dict[str, Any]) -> list[Finding]:
    """Compare each path with what may be granted on it."""
    return [finding for setting in settings for finding in _findings(setting, facts["files"])]


def _findings(setting: Setting, files: dict[str, dict[str, str]]) -> list[Finding]:
    wanted = f"{setting.owner}:{setting.group} {setting.mode} at most"
    named = _named(setting.path, files)
    if not named:
        outcome = Outcome.PASS if setting.absent_ok else Outcome.FAIL
        return [Finding(outcome=outcome, subject=setting.path, expected=wanted, observed="absent")]
    return [
        Finding(
            outcome=Outcome.PASS if _closed(setting, file) else Outcome.FAIL,
            subject=path,
            expected=wanted,
            observed=f"{file['owner']}:{file['group']} {file['mode']} {file['type']}",
        )
        for path, file in sorted(named.items())
    ]


def _closed(setting: Setting, file: dict[str, str]) -> bool:
    mode, most = int(file["mode"], 8), int(setting.mode, 8)
    # A link's own mode is no protection, and a folder that is to be made must be one.
    sort = file["type"] == "directory" if setting.create else file["type"] != "symbolic link"
    granted = mode & ~most & ~_STICKY
    owned = (file["owner"], file["group"]) == (setting.owner, setting.group)
    return sort and owned and not granted and not (most & _STICKY & ~mode)


def _named(pattern: str, files: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    if "*" not in pattern:
        return {pattern: files[pattern]} if pattern in files else {}
    return {path: file for path, file in files.items() if _names(pattern, path)}


def _names(pattern: str, path: str) -> bool:
    parts, names = pattern.split("/"), path.split("/")
    return len(parts) == len(names) and all(map(fnmatchcase, names, parts))
