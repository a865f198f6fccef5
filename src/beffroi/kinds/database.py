"""What a store's database holds: the declared columns and no others, open to the declared accounts, for its time.

A store's folder is a tablespace; its database lies there. Looked at as the account postgres, in a session that cannot
write: names of columns, privileges, counts of rows and ages in days leave the machine; no value of any row does.
Source: RGPD, articles 5(1)(c) and (e), 25 and 32; PostgreSQL 15's documentation, 5.7 and 52.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from beffroi.city.databases import Database
from beffroi.kinds import KindModel, SettingModel, Site
from beffroi.verdict import Finding

from . import _database_judge as judged
from ._database_sql import SERVER, holdings
from ._erasure import Erasure, erasure
from ._psql import STATE, STOPPED, answered, query
from ._sections import Section, look
from ._units import units_shown
from .database_server import databases

if TYPE_CHECKING:
    from testinfra.host import Host as LiveHost

_TIMER = "Id,LoadState,ActiveState,SubState,UnitFileState,NextElapseUSecRealtime,TimersCalendar,LastTriggerUSec"
_SERVICE = "Id,LoadState,Result,ExecMainExitTimestamp,User,ExecStart"
_ABSENT = 2
"""psql's exit code when it could not connect, as to a database that is not there (psql(1))."""

MEANS = {
    "seeded_rows": "made-up rows of a lab, made once into empty tables: that there are some is all that is held",
    "erasure.minutes": "part of `erasure.text`, which is compared",
    "erasure.retention_minutes": "the check's own ceiling, which no role enforces",
}
"""Values that a pass need not tell from others, and why (beffroi.coverage)."""


class Params(KindModel):
    """What must hold of each database; `seeded_rows`: made-up rows that a lab's empty tables are given."""

    part: Literal["columns", "privileges", "pseudonyms", "retention", "declared"]
    seeded_rows: Annotated[int, Field(ge=0, le=1000)] = 0


class Table(KindModel):
    """A table of the schema public: each column as `name type`, in the order in which it is made."""

    name: str
    columns: tuple[str, ...]


class Setting(SettingModel):
    """What must hold of one database, by `part`; `declared` is about the server, and names every database there is."""

    part: Literal["columns", "privileges", "pseudonyms", "retention", "declared"]
    database: str = ""
    path: str = ""
    tables: tuple[Table, ...] = ()
    seeded_rows: int = 0
    grants: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    erasure: Erasure | None = None
    databases: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Return the database and the part."""
        return f"{self.database} {self.part}".strip()


def expected(params: Params, site: Site) -> list[Setting]:
    """Return a setting for each database of the machine, or one for all that it may hold; nothing where it has none."""
    ours = databases(site)
    if not ours:
        return []
    if params.part == "declared":
        return [Setting(part="declared", databases=tuple(database.name for _, database, _ in ours))]
    return [
        setting
        for store, database, path in ours
        for setting in _of_database(params, site, _Place(store, path), database)
    ]


@dataclass(frozen=True)
class _Place:
    """Where a database lies: its store, and the store's folder."""

    store: str
    path: str


def _of_database(params: Params, site: Site, place: _Place, database: Database) -> Iterator[Setting]:
    name = database.name
    if params.part == "columns":
        tables = tuple(Table(name=it, columns=_columns(database, it)) for it in database.tables)
        rows = params.seeded_rows
        yield Setting(part="columns", database=name, path=place.path, tables=tables, seeded_rows=rows)
    elif params.part == "privileges":
        yield Setting(part="privileges", database=name, grants=tuple(_grants(database)))
    elif params.part == "pseudonyms":
        if digests := tuple(_digests(database)):
            yield Setting(part="pseudonyms", database=name, digests=digests)
    elif held := erasure(site.city, place.store, database):
        yield Setting(part="retention", database=name, erasure=held)


def _columns(database: Database, table: str) -> tuple[str, ...]:
    dated_by = database.tables[table].dated_by
    types = {"id": "bigint", dated_by: "timestamp with time zone"}
    return tuple(f"{column} {types.get(column, 'text')}" for column in database.tables[table].columns)


def _grants(database: Database) -> Iterator[str]:
    for name, account in database.accounts.items():
        yield f"{name} connect database"
        yield f"{name} usage schema public"
        for table, privileges in account.may.items():
            yield from (f"{name} {privilege.value} {table}" for privilege in privileges)


def _digests(database: Database) -> Iterator[str]:
    for name, table in database.tables.items():
        yield from (f"{name}.{column}" for column in table.pseudonymised)


def weakened(before: Params, after: Params) -> bool:
    """Tell whether a part is given up, or rows are made up beside real ones (RGPD, article 5(1)(d))."""
    return before.part != after.part or after.seeded_rows > before.seeded_rows


def observe(host: LiveHost, settings: Sequence[Setting]) -> dict[str, Any]:
    """Ask the server what databases it has, each declared one what it holds, and systemd what erases."""
    asked = {setting.database for setting in settings if setting.database}
    names = sorted(asked)
    erasures = {setting.database: setting.erasure for setting in settings if setting.erasure}
    commands = {"state": STATE, "server": query("postgres", SERVER)}
    for index, name in enumerate(names):
        commands[f"database-{index}"] = query(name, _question(name, settings, erasures.get(name)))
    commands |= _about_erasures(list(erasures.values()))
    places = {f"database-{index}": name for index, name in enumerate(names)}
    seen = look(host, commands, may_fail=frozenset({"state", "server", *places}))
    state = seen["state"].text.strip()
    if state in STOPPED:
        return {"state": state}
    server = answered(seen["server"])
    return {
        "state": state,
        "databases": dict(server["databases"]),
        "strays": list(server["strays"]),
        "held": {name: _held(seen[section], name in server["databases"]) for section, name in places.items()},
        "timers": units_shown(seen["timers"].text),
        "services": units_shown(seen["services"].text),
        "files": {words[-1]: " ".join(words[:-1]) for line in seen["files"].lines() for words in [line.split()]},
    }


def _question(name: str, settings: Sequence[Setting], held: Erasure | None) -> str:
    digests = [digest for setting in settings if setting.database == name for digest in setting.digests]
    return holdings(held.dates if held else (), digests, held.retention_minutes if held else 1)


def _about_erasures(erasures: Sequence[Erasure]) -> dict[str, str]:
    timers, services = [it.timer for it in erasures], [it.service for it in erasures]
    shown = "; ".join(
        f"printf '%s ' \"$(stat -c '%U:%G %a' {it.path} 2>/dev/null)\" \"$(sha256sum {it.path} 2>/dev/null)\"; echo"
        for it in erasures
    )
    return {
        "timers": f"systemctl show -p {_TIMER} {' '.join(timers)}" if timers else "true",
        "services": f"systemctl show -p {_SERVICE} {' '.join(services)}" if services else "true",
        "files": shown or "true",
    }


def _held(section: Section, exists: bool) -> dict[str, Any] | None:  # noqa: FBT001 - what the server says of it
    """Return what a database holds; None where there is no such database; raise CouldNotLook when it did not answer."""
    if section.code == _ABSENT and not exists:
        return None
    return answered(section)


def judge(settings: Sequence[Setting], facts: dict[str, Any]) -> list[Finding]:
    """Judge each database by what it holds, and the server by what it holds beside them."""
    return [finding for setting in settings for finding in judged.findings(setting, facts)]
