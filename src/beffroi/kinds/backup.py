"""Copies that come back: each store is fetched every day by another machine, kept encrypted, and restored to compare.

A machine that plays the role `backup` keeps, in each of its stores with `copies`, a borg repository a copied store. It
calls over SSH, with a key a store that opens nothing but that store's stream, from its own addresses alone. So no
machine that holds data holds a key to its copies, and the keeper holds none to anything else.

Looked at, at the source: the account, its one door, what each key may do. At the keeper: the repositories' own files,
timers, and records of root's to which the daily runs add: dates and counts, never a name. A repository that changed
since its last run shows by the digest of its segments' names and sizes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from beffroi.city import City, Store
from beffroi.city.roles import BACKUP_ROLE
from beffroi.errors import CouldNotLook, InvalidInput
from beffroi.kinds import KindModel, SettingModel, Site
from beffroi.messages import say
from beffroi.network.routing import meeting
from beffroi.verdict import Finding

from . import _backup_files as files
from ._backup_judge import Copy, keeper_findings, source_findings
from ._placed import Written, listed, listing
from ._sections import look
from ._units import units_shown

if TYPE_CHECKING:
    from testinfra.host import Host as LiveHost


MEANS = {"recent_hours": "the check's own threshold; a keeper's role copies anew what is older"}
"""Values that a pass need not tell from others, and why (beffroi.coverage)."""

_HOUR = timedelta(hours=1)
_UNCLAIMED = timedelta(days=365)
"""How long a copy is kept that no activity claims: it should hold nobody's data, and needs an end all the same."""

_SLACK_HOURS, _LEAST_HOURS = 50, 24
"""A retention is a ceiling: two more runs, and the hours between a copy and the look at it, must fit below."""

_SHOWN = ("Id", "LoadState", "ActiveState", "UnitFileState", "NeedDaemonReload", "DropInPaths", "FragmentPath")
_RUN = ("Result", "ExecMainExitTimestamp", "NextElapseUSecRealtime", "User", "AmbientCapabilities")
_KEY = re.compile(r"^(?P<options>.*?)\s*(?P<type>(?:sk-)?(?:ssh|ecdsa)-[A-Za-z0-9@.-]+) \(key\)$")


class Params(KindModel):
    """`part`: a store's machine, or the one that keeps its copies; `recent_hours`: how old the newest copy may be."""

    part: Literal["source", "keeper"] = "keeper"
    recent_hours: Annotated[int, Field(ge=2, le=720)] = 30


class Setting(SettingModel):
    """A machine's side: the stores that it streams, or whose copies it keeps, and every file that makes it do so."""

    part: Literal["source", "keeper"]
    recent_hours: int
    copies: tuple[Copy, ...]
    files: tuple[Written, ...]

    @property
    def key(self) -> str:
        """Return which side this is."""
        return self.part


def expected(params: Params, site: Site) -> list[Setting]:
    """Return the machine's side, if it has one; raise InvalidInput when no path joins a store and its keeper."""
    pairs = [
        (keeper, source, _copy(site.city, keeper, source, store))
        for keeper in site.city.hosts_with_role(BACKUP_ROLE)
        for kept in getattr(site.city.machine(keeper), "stores", {}).values()
        for store in kept.copies
        for source in [next(host for host, name, _ in site.city.stores() if name == store)]
        if site.name == (source if params.part == "source" else keeper)
    ]
    if not pairs:
        return []
    copies = tuple(copy for _, _, copy in pairs)
    made = _source_files(copies) if params.part == "source" else _keeper_files(copies)
    return [Setting(part=params.part, recent_hours=params.recent_hours, copies=copies, files=made)]


def _copy(city: City, keeper: str, source: str, name: str) -> Copy:
    stores = {store: (host, described) for host, store, described in city.stores()}
    place = next(store for store, (host, kept) in stores.items() if host == keeper and name in kept.copies)
    store, kept = stores[name][1], stores[place][1]
    sides = meeting(city, keeper, source)
    if sides is None:
        raise InvalidInput(say("backup-no-way", keeper=keeper, store=name), where=keeper, hint=say("backup-way-hint"))
    lasts = [activity.retention.lasts() for activity in city.processing.values() if place in activity.stores]
    return Copy(
        store=name,
        source=source,
        keeper=keeper,
        place=place,
        path=store.path,
        database=store.database.name if store.database else "",
        account=_account(store),
        repository=f"{kept.path}/{name}",
        kept_by=(kept.owner, kept.group),
        address=str(sides[1].ipv4),
        callers=(str(sides[0].ipv4), str(sides[0].ipv6)),
        retention_hours=int(min(lasts, default=_UNCLAIMED) / _HOUR),
    )


def _account(store: Store) -> tuple[str, str]:
    return (store.owner, store.group) if store.database is None else ("postgres", "postgres")


def _source_files(copies: Sequence[Copy]) -> tuple[Written, ...]:
    units = (it for copy in copies for it in files.source_files(copy.store, copy.path, copy.account, copy.database))
    return tuple(dict.fromkeys((*files.doors(), *units)))


def _keeper_files(copies: Sequence[Copy]) -> tuple[Written, ...]:
    units = (
        written
        for copy in copies
        for hours in [max(_LEAST_HOURS, copy.retention_hours - _SLACK_HOURS)]
        for written in files.keeper_files(copy.store, copy.repository, copy.kept_by, copy.address, hours)
    )
    return (*files.keepers(), *units)


def weakened(before: Params, after: Params) -> bool:
    """Tell whether a side is given up, or the newest copy may be older; how long copies live, the register says."""
    return before.part != after.part or after.recent_hours > before.recent_hours


def observe(host: LiveHost, settings: Sequence[Setting]) -> dict[str, Any]:
    """Return, for each side, who holds what, systemd's view of it, and for a keeper its repositories and records."""
    return {setting.part: (_source if setting.part == "source" else _keeper)(host, setting) for setting in settings}


def _source(host: LiveHost, setting: Setting) -> dict[str, Any]:
    folders = (files.FOLDER, files.HOME, f"{files.HOME}/.ssh", files.KEYS, f"{files.KEYS}2")
    sockets = [f"{files.SOCKETS}/{copy.store}.sock" for copy in setting.copies]
    pairs = [files.source_units(copy.store) for copy in setting.copies]
    units = [name for socket, service in pairs for name in (socket, service.replace("@", "@look"))]
    keys = (
        r"sed -E '/^[[:space:]]*(#|$)/d; /AAAA/!s/.*/(not a key)/; "
        rf"s/[[:space:]]+AAAA.*$/ (key)/' {files.KEYS}"
    )
    seen = look(
        host,
        {
            "account": f"getent passwd {files.ACCOUNT}; id -Gn {files.ACCOUNT}",
            "password": f"awk -F: '$1 == \"{files.ACCOUNT}\" {{ print substr($2, 1, 1) }}' /etc/shadow",
            "files": listing({*(it.path for it in setting.files), *folders, *sockets}),
            "keys": f"if [ -e {files.KEYS} ]; then {keys}; fi",
            "units": f"systemctl show -p {','.join((*_SHOWN, *_RUN))} {' '.join(units)}",
        },
        may_fail=frozenset({"account"}),
    )
    lines = seen["account"].lines() if seen["account"].code == 0 else []
    return {
        "account": _login(lines) if lines else None,
        "password": seen["password"].text.strip(),
        "files": listed(seen["files"].lines()),
        "keys": [_options(line) for line in seen["keys"].lines()],
        "units": units_shown(seen["units"].text),
    }


def _login(lines: Sequence[str]) -> dict[str, Any]:
    _, _, uid, _, _, home, shell = lines[0].split(":")
    return {"uid": int(uid), "home": home, "shell": shell, "groups": lines[1].split()}


def _options(line: str) -> str:
    match = _KEY.match(line)
    return match["options"] if match else "(not a key)"


def _keeper(host: LiveHost, setting: Setting) -> dict[str, Any]:
    stores = [copy.store for copy in setting.copies]
    secrets = [f"{files.SECRETS}/{store}.{sort}" for store in stores for sort in ("key", "ssh")]
    units = [unit for store in stores for unit in files.keeper_units(store)]
    units += sorted({files.purge_timer(copy.place) for copy in setting.copies})
    records = [f"{files.RECORDS}/{store}.{act}" for store in stores for act in ("backup", "restore")]
    last = (
        f'for file in {" ".join(records)}; do printf "%s " "${{file##*/}}"; tail -n 1 "$file" 2>/dev/null; echo; done'
    )
    seen = look(
        host,
        {
            "now": "date +%s",
            "files": listing([it.path for it in setting.files]),
            "secrets": listing([files.SECRETS, *secrets, *records], digested=False),
            "units": f"systemctl show -p {','.join((*_SHOWN, *_RUN))} {' '.join(units)}",
            "repositories": "; ".join(_asked_of(copy) for copy in setting.copies),
            "records": last,
        },
    )
    return {
        "now": int(seen["now"].text),
        "files": listed(seen["files"].lines()),
        "secrets": listed(seen["secrets"].lines()),
        "units": units_shown(seen["units"].text),
        "repositories": dict(map(_repository, seen["repositories"].lines())),
        "records": _records(seen["records"].lines()),
    }


def _asked_of(copy: Copy) -> str:
    """Return what tells of a repository: append-only, keys of its own, its segments, and what was set aside."""
    folder, _, name = copy.repository.rpartition("/")
    # A folder that is there and may not be entered is no empty one.
    return f"""(
cd {folder} 2>/dev/null || {{ [ -e {folder} ] && exit 1; echo '{copy.store}||||'; exit 0; }}
append=$(sed -n 's/^append_only *= *//p' {name}/config 2>/dev/null | head -n 1)
keys=$(grep -c '^key *= *[A-Za-z0-9+/]' {name}/config 2>/dev/null)
segments=$(cd {name}/data 2>/dev/null && find . -type f -printf '%P %s\\n' | LC_ALL=C sort | sha256sum | cut -c 1-64)
aside=$(find . -maxdepth 1 -name '.{name}.damaged-until-*' -printf '%f ')
printf '%s|%s|%s|%s|%s\\n' {copy.store} "$append" "$keys" "$segments" "$aside")"""


def _repository(line: str) -> tuple[str, dict[str, Any]]:
    fields = line.split("|")
    if len(fields) != len(("store", "append", "keys", "segments", "aside")):
        raise CouldNotLook(say("kinds-a-unreadable", line=line))
    store, append, keys, segments, aside = fields
    until = [name.rpartition("-")[2] for name in aside.split()]
    return store, {
        "append_only": append == "1",
        "keyed": keys == "1",
        "segments": segments,
        "set_aside": sorted(int(it) for it in until if it.isdigit()),
    }


def _records(lines: Sequence[str]) -> dict[str, Any]:
    """Return each record by its name; None where its last line is not one."""
    found: dict[str, Any] = {}
    for line in lines:
        name, _, text = line.partition(" ")
        try:
            record = json.loads(text)
        except ValueError:
            record = None
        found[name] = record if isinstance(record, dict) else None
    return found


def judge(settings: Sequence[Setting], facts: dict[str, Any]) -> list[Finding]:
    """Judge each side by what would lose, open or keep too long what people entrusted to the town."""
    return [finding for setting in settings for finding in _judge(setting, facts[setting.part])]


def _judge(setting: Setting, facts: dict[str, Any]) -> Iterator[Finding]:
    if setting.part == "source":
        yield from source_findings(setting.copies, setting.files, facts)
    else:
        yield from keeper_findings(setting.copies, setting.files, setting.recent_hours, facts)
