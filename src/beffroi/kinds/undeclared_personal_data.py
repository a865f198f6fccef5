"""People's data outside of the stores: exports and dumps left behind, folders of services that no store declares.

What no store declares has no owner, no retention and no copy; no right of access reaches it (RGPD, articles 5(1)(e),
15 and 17). On machines that keep stores, this looks for files that by their name or size may be an export, where people
and programs leave such things, and for folders below /srv that no store names.

Names tell much of persons: what leaves the machine is the place, the ending, the size, and a digest of the path by
which whoever may enter the machine finds it again (docs/backups.md).
"""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, StringConstraints

from beffroi.city import Host
from beffroi.errors import CouldNotLook
from beffroi.kinds import KindModel, SettingModel, Site
from beffroi.messages import say
from beffroi.verdict import Finding, Outcome

from ._asking import ask, quoted
from ._order import Answer, lacks

if TYPE_CHECKING:
    from testinfra.host import Host as LiveHost

UNENFORCED = "whose data it is, and whether it must stay, is for people to say: nothing is moved nor removed"

MEANS = {
    "declared": "the check's own: the role moves nothing",
    "kib": "the check's own threshold",
    "big_mib": "the check's own threshold",
}
"""Values that a pass need not tell from others, and why (beffroi.coverage)."""

PLACES = ("/home", "/root", "/srv", "/opt", "/tmp", "/var/tmp", "/var/backups")  # noqa: S108 - places that are looked at
ENDINGS = ("sql", "dump", "csv", "db", "sqlite", "sqlite3", "tar", "tgz", "zip", "7z", "bak")
PACKED = ("gz", "xz", "zst", "bz2")
_SYSTEMS = ("/var/backups/alternatives.tar.*", "/var/backups/dpkg.*", "/var/backups/apt.*")
"""Debian's own backups of its package lists (dpkg-db-backup(8))."""

_MOST = 200
_LINE = re.compile(
    r"^(?P<place>/\S+) (?P<sort>file|folder) (?P<ending>[a-z0-9.-]*) (?P<size>\d+) (?P<path>[0-9a-f]{64})$"
)

Path = Annotated[str, StringConstraints(pattern=r"^/[A-Za-z0-9._/-]*[A-Za-z0-9]$", max_length=200)]


class Params(KindModel):
    """From which size a file counts, by its ending (`kib`) or by its size alone (`big_mib`); what else is `known`."""

    kib: Annotated[int, Field(ge=1, le=1_000_000)] = 100
    big_mib: Annotated[int, Field(ge=1, le=1_000_000)] = 64
    known: tuple[Path, ...] = ()


class Setting(SettingModel):
    """What a machine declares: its stores' folders, and others that hold nobody's data; from which sizes to look."""

    declared: tuple[Path, ...]
    kib: int
    big_mib: int

    @property
    def key(self) -> str:
        """Return what all such settings are about: there is one a machine."""
        return "undeclared"


def expected(params: Params, site: Site) -> list[Setting]:
    """Return the machine's one setting, if it keeps stores."""
    stores = site.machine.stores.values() if isinstance(site.machine, Host) else ()
    if not stores:
        return []
    declared = tuple(sorted({*(store.path for store in stores), *params.known}))
    return [Setting(declared=declared, kib=params.kib, big_mib=params.big_mib)]


def weakened(before: Params, after: Params) -> Answer:
    """Tell whether more is left out."""
    return lacks(after.known, before.known) or after.kib > before.kib or after.big_mib > before.big_mib


def observe(host: LiveHost, settings: list[Setting]) -> dict[str, Any]:
    """Return each file and folder that no store declares: its place, ending, size in KiB, and its path's digest."""
    (setting,) = settings
    found = []
    for line in ask(host, question(setting)).splitlines():
        match = _LINE.match(line)
        if not match:
            raise CouldNotLook(say("kinds-a-unreadable", line=line[:200]))
        found.append({**match.groupdict(), "size": int(match["size"])})
    return {"found": found}


def question(setting: Setting) -> str:
    """Return a command that names no file: paths are digested where they are."""
    packed = [f"{ending}.{tail}" for ending in ENDINGS for tail in PACKED]
    names = " -o ".join(f"-iname {quoted([f'*.{it}'])}" for it in (*ENDINGS, *packed))
    spared = " ".join(f"! -path {quoted([it])}" for it in (*(f"{it}/*" for it in setting.declared), *_SYSTEMS))
    tops = {"/".join(PurePosixPath(it).parts[1:3]) for it in setting.declared}
    known = " ".join(f"! -path {quoted([f'/{it}'])}" for it in sorted(tops))
    tell = r"""
for path do
  name=${path##*/}; ending=$(printf %s "${name##*.}" | tr A-Z a-z | tr -cd a-z0-9 | cut -c 1-8)
  [ "$name" != "${name%.*}" ] || ending=none
  if [ -d "$path" ]; then sort=folder; ending=none; else sort=file; fi
  size=$(du -sk -- "$path" 2>/dev/null | cut -f 1)
  [ -e "$path" ] || continue
  printf "%s %s %s %s %s\n" "$place" "$sort" "$ending" "${size:-0}" "$(printf %s "$path" | sha256sum | cut -c 1-64)"
done"""
    files = f"\\( \\( {names} \\) -size +{setting.kib}k -o -size +{setting.big_mib * 1024}k \\) {spared}"
    run = f"-exec sh -c {quoted([tell])} sh {{}} +"
    # Files come and go below /tmp while find walks there: what it complains of is no failure to look.
    return f"""
export LC_ALL=C
for place in {" ".join(PLACES)}; do
  [ ! -d "$place" ] || ls "$place" > /dev/null || exit 1
done
for place in {" ".join(PLACES)}; do
  export place
  [ ! -d "$place" ] || find "$place" -xdev -type f {files} {run} 2>/dev/null
done | head -n {_MOST}
place=/srv; export place
[ ! -d /srv ] || find /srv -mindepth 1 -maxdepth 1 -type d {known} {run} | head -n {_MOST}
"""


def judge(settings: list[Setting], facts: dict[str, Any]) -> list[Finding]:
    """Return one failure for each thing that was found, or one pass."""
    (setting,) = settings
    wanted = f"only what is declared: {', '.join(setting.declared)}"
    if not facts["found"]:
        asked = f"nothing from {setting.kib} KiB by its ending, or {setting.big_mib} MiB"
        return [Finding(outcome=Outcome.PASS, subject="undeclared data", expected=wanted, observed=asked)]
    return [
        Finding(
            outcome=Outcome.FAIL,
            subject=f"{it['place']}: {it['sort']} {it['path'][:12]}",
            expected=wanted,
            observed=f"{it['size']} KiB{'' if it['ending'] == 'none' else ', .' + it['ending']}",
        )
        for it in facts["found"]
    ]
