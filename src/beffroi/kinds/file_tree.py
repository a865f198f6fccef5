"""What no file of a machine may be, wherever it lies: without owner, open to all, giving undeclared rights.

One walk of the machine's own file systems answers for every control, and tells only what it found wrong: a tree of a
million good files says nothing. Kernel interfaces and file systems of other machines are left out, each at its top.
"""

from __future__ import annotations

from enum import StrEnum
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import StringConstraints

from beffroi.errors import CouldNotLook
from beffroi.kinds import KindModel, SettingModel, Site
from beffroi.messages import say
from beffroi.verdict import Finding, Outcome

from ._asking import ask
from ._order import lacks

if TYPE_CHECKING:
    from testinfra.host import Host as LiveHost

MOST_BYTES = 200_000
"""How much of what was found is told; a machine with more to tell has failed in any case."""

_LEFT_OUT = (
    *("autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "efivarfs", "fusectl"),
    *("hugetlbfs", "mqueue", "nsfs", "proc", "pstore", "rpc_pipefs", "securityfs", "sysfs", "tracefs"),
    *("afs", "ceph", "cifs", "fuse.sshfs", "nfs", "nfs4", "smb3"),
)
_END = "@@walked"
_FIELDS = 5


class Rule(StrEnum):
    """What no file may be (BP-028 R53, R54, R56)."""

    UNOWNED = "unowned"
    WORLD_WRITABLE = "world_writable"
    UNSTICKY = "unsticky"
    PRIVILEGED = "privileged"


_TOLD = {
    Rule.UNOWNED: "a known owner and group",
    Rule.WORLD_WRITABLE: "no file that all may write",
    Rule.UNSTICKY: "the sticky bit on folders that all may write",
    Rule.PRIVILEGED: "declared setuid and setgid programs alone",
}

Pattern = Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9._/*+-]*[A-Za-z0-9*+-]$", max_length=200)]


class Params(KindModel):
    """The `rule`, and the paths that it spares; `*` stands for any part of one name."""

    rule: Rule
    allowed: tuple[Pattern, ...] = ()


class Setting(SettingModel):
    """One rule for every file of the machine, and the paths that it spares."""

    rule: Rule
    allowed: tuple[Pattern, ...] = ()

    @property
    def key(self) -> str:
        """Return the rule."""
        return self.rule


EVERYWHERE = True


def expected(params: Params, site: Site) -> list[Setting]:  # noqa: ARG001 - the same on every machine
    """Return the one setting that `params` names."""
    return [Setting(rule=params.rule, allowed=tuple(sorted(set(params.allowed))))]


def weakened(before: Params, after: Params) -> bool:
    """Tell whether another path is spared, or another rule asked for."""
    return before.rule is not after.rule or lacks(after.allowed, before.allowed)


def observe(host: LiveHost, settings: list[Setting]) -> dict[str, Any]:  # noqa: ARG001 - one walk, whatever is asked
    """Return what is wrong by rule: sort, mode, owner, group and path of each file; and whether all of it was told.

    Names of files may hold anything, so each record ends with a zero byte. `-nouser` would read the accounts' file
    once for each file: the known numbers are given to `find` instead.
    """
    found = ask(host, walk()).split("\0")
    whole = found.pop() == "" and found[-1:] == [f"{_END} 0"]
    files: dict[str, list[list[str]]] = {rule: [] for rule in Rule}
    for record in found[: -1 if whole else None]:
        rule, *fields = record.split(" ", _FIELDS)
        if rule not in files or len(fields) != _FIELDS:
            raise CouldNotLook(say("kinds-a-unreadable", line=record[:200]))
        files[rule].append(fields)
    if not whole and not any(files.values()):
        raise CouldNotLook(say("kinds-a-unreadable", line="find"))
    return {"files": {rule: sorted(those, key=lambda each: each[-1]) for rule, those in files.items()}, "whole": whole}


def walk() -> str:
    """Return the question: one `find`, whose tests go from what most files fail first."""
    told = {rule: f"-printf '{rule} %y %m %u %g %p\\0'" for rule in Rule}
    pruned = " -o ".join(f"-fstype {sort}" for sort in _LEFT_OUT)
    return f"""
known() {{ getent "$1" | cut -d: -f3 | sort -nu | sed "s/^/! -$2 /" | tr '\\n' ' '; }}
users=$(known passwd uid); groups=$(known group gid)
[ -n "$users" ] && [ -n "$groups" ] || exit 1
{{ LC_ALL=C find / -ignore_readdir_race \\( {pruned} \\) -prune \\
  -o \\( \\( $users -o $groups \\) {told[Rule.UNOWNED]} , \\
     -perm -0002 \\( -type f {told[Rule.WORLD_WRITABLE]} -o -type d ! -perm -1000 {told[Rule.UNSTICKY]} \\) , \\
     -perm /6000 -type f {told[Rule.PRIVILEGED]} \\)
printf '{_END} %s\\0' $?; }} | head -c {MOST_BYTES}"""


def judge(settings: list[Setting], facts: dict[str, Any]) -> list[Finding]:
    """Tell each file that a rule does not spare; a rule of which all was not told, and nothing seen, is `error`."""
    return [finding for setting in settings for finding in _findings(setting, facts)]


def _findings(setting: Setting, facts: dict[str, Any]) -> list[Finding]:
    wrong = [fields for fields in facts["files"][setting.rule] if not _spared(setting, fields[-1])]
    if wrong:
        return [_finding(setting, Outcome.FAIL, _described(*fields)) for fields in wrong]
    if not facts["whole"]:
        return [_finding(setting, Outcome.ERROR, (setting.rule, "the walk was cut short"))]
    return [_finding(setting, Outcome.PASS, (setting.rule, "none found"))]


def _finding(setting: Setting, outcome: Outcome, seen: tuple[str, str]) -> Finding:
    subject, observed = seen
    return Finding(outcome=outcome, subject=subject, expected=_TOLD[setting.rule], observed=observed)


def _described(sort: str, mode: str, owner: str, group: str, path: str) -> tuple[str, str]:
    word = {"f": "file", "d": "folder", "l": "link"}.get(sort, sort)
    return path, f"{word} {int(mode, 8):04o}, owner {owner}, group {group}"


def _spared(setting: Setting, path: str) -> bool:
    names = path.split("/")
    return any(
        len(names) == len(parts) and all(map(fnmatchcase, names, parts))
        for parts in (pattern.split("/") for pattern in setting.allowed)
    )
