"""What passes the sensors' readings on to the database: which program, from whom, to whom, and with which identifiers.

Looked at: its files and its program by their digests, its unit, who may read its key and its password, and what the
program says of itself: what it runs, counts, and when each of its ends last answered. No reading leaves the host, nor
the name of a device. Source: RGPD, articles 4(5), 25(1) and 32(1)(a).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, StringConstraints

from beffroi.city.databases import Database, Privilege, SqlName
from beffroi.kinds import KindModel, SettingModel, Site
from beffroi.kinds._findings import finding as _finding
from beffroi.verdict import Finding

from . import _ingestion_files as ours
from . import _tls as tls
from . import _written as written
from . import broker
from ._certificates import held, stat_of
from ._databases_reached import reached
from ._order import Answer
from ._sections import Section, look
from ._units import confined

if TYPE_CHECKING:
    from testinfra.host import Host as LiveHost

_CLOSED = "root:root 0600 regular file"
_CONFINED = {
    "ActiveState": "active",
    "UnitFileState": "enabled",
    "NeedDaemonReload": "no",
    "DropInPaths": "",
    "User": ours.USER,
    "SupplementaryGroups": "",
}
_COUNTS = ("received", "written", "dropped")

MEANS = {
    "account": "part of the files' texts, which are compared",
    "reader": "part of the files' texts, which are compared",
}
"""Values that a pass need not tell from others, and why (beffroi.coverage)."""

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Params(KindModel):
    """`program`: the SHA-256 of the program; `service` and `databases`: those of the broker and of the database.

    `device`, `quantity`, `value`: the columns that take them. `seconds`: for how long an end may have been away.
    """

    program: Digest
    service: str = "mqtts"
    databases: str = "postgresql"
    device: SqlName = "sensor"
    quantity: SqlName = "quantity"
    value: SqlName = "value"
    seconds: Annotated[int, Field(ge=15, le=3600)] = 180


class Setting(SettingModel):
    """From which broker's account to which database's, with which program and which files."""

    program: str
    database: str
    account: str
    reader: str
    seconds: int
    files: tuple[written.Written, ...]

    @property
    def key(self) -> str:
        """Return the unit: a machine passes readings on once."""
        return ours.UNIT


def expected(params: Params, site: Site) -> list[Setting]:
    """Return what passes readings on, from the broker that the machine is to the first database that takes them."""
    brokers = broker.expected(broker.Params(service=params.service), site)
    entry = next(_takers(params, site), None)
    if not brokers or entry is None or not tls.authority(site.city):
        return []
    routes = list(_routes(brokers[0]))
    heard = {
        "account": brokers[0].reader,
        "address": tls.addresses(site.machine)[0],
        "port": brokers[0].port,
        "filters": sorted({str(route["topic"]).replace("%u", "+") for route in routes}),
        "routes": routes,
    }
    files = tuple(written.Written(path=path, text=text) for path, text in ours.texts(heard, entry).items())
    setting = Setting(
        program=params.program,
        database=str(entry["database"]),
        account=str(entry["account"]),
        reader=brokers[0].reader,
        seconds=params.seconds,
        files=files,
    )
    return [setting] if routes else []


def _routes(setting: broker.Setting) -> Iterator[dict[str, str]]:
    """Yield each topic that names its device, whose it is, and what it measures: the words after the device's name."""
    for fleet in setting.fleets:
        for topic in (topic for topic in fleet.topics if "%u" in topic.split("/")):
            before, _, after = topic.rpartition("%u")
            words = after.strip("/") or before.strip("/").rpartition("/")[2] or "reading"
            yield {"topic": topic, "fleet": fleet.fleet, "quantity": words}


def _takers(params: Params, site: Site) -> Iterator[dict[str, object]]:
    """Yield each database with a table that has the columns, and to which an account of this machine may add."""
    columns = {"device": params.device, "quantity": params.quantity, "value": params.value}
    for entry, database in reached(site, params.databases):
        for account, table in _additions(site, database):
            described = database.tables[table]
            if set(columns.values()) <= set(described.columns):
                yield {
                    **entry,
                    "account": account,
                    "table": table,
                    "columns": {**columns, "time": described.dated_by},
                    "pseudonymised": list(described.pseudonymised),
                }


def _additions(site: Site, database: Database) -> Iterator[tuple[str, str]]:
    for name, account in database.accounts.items():
        if account.host == site.name:
            yield from ((name, table) for table, may in account.may.items() if Privilege.INSERT in may)


def weakened(before: Params, after: Params) -> Answer:
    """Tell whether an end may be away for longer; programs, services and columns are not ordered."""
    if after.seconds > before.seconds:
        return True
    same = before.model_dump(exclude={"seconds"}) == after.model_dump(exclude={"seconds"})
    return False if same else None


def observe(host: LiveHost, settings: Sequence[Setting]) -> dict[str, Any]:
    """Read files and unit by digest and property, and what the program says of itself."""
    paths = sorted({*(file.path for setting in settings for file in setting.files), ours.PROGRAM})
    seen = look(
        host,
        {
            "files": written.question(paths),
            "secrets": stat_of([ours.PSEUDONYMS, ours.PASSWORD]),
            "unit": f"systemctl show -p {','.join(_CONFINED)} {ours.UNIT}",
            "status": f"head -c 4096 {ours.STATUS}",
            "now": "date +%s",
        },
        may_fail=frozenset({"status"}),
    )
    return {
        "files": written.answer(seen["files"]),
        "secrets": dict(held(line) for line in seen["secrets"].lines()),
        "unit": dict(line.split("=", 1) for line in seen["unit"].lines()),
        "status": _status(seen["status"], int(seen["now"].text)),
    }


def _status(section: Section, now: int) -> dict[str, Any] | None:
    """Return what the program says: digests, counts, and how long ago each end answered; None when it says nothing."""
    try:
        said = json.loads(section.text) if not section.code else None
        if not isinstance(said, dict):
            return None
        ends = {str(end)[:63]: _age(now, when) for end, when in said["answered"].items()}
        counts = {name: int(said[name]) for name in _COUNTS}
        digests = {name: str(said[name])[:64] for name in ("program", "configuration")}
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return None
    return {**digests, **counts, "answered": ends, "last": _age(now, said.get("last"))}


def _age(now: int, when: object) -> int | None:
    """Return how many seconds ago something was; None when it was not, or is yet to be."""
    return now - when if isinstance(when, int) and now - when >= 0 else None


def judge(settings: Sequence[Setting], facts: dict[str, Any]) -> list[Finding]:
    """Judge the files, the unit, the secrets, and what the program says."""
    return [finding for setting in settings for finding in _judge(setting, facts)]


def _judge(setting: Setting, facts: dict[str, Any]) -> Iterator[Finding]:
    yield from written.findings(setting.files, facts["files"])
    yield written.program(ours.PROGRAM, setting.program, facts["files"])
    for path in (ours.PSEUDONYMS, ours.PASSWORD):
        found = facts["secrets"].get(path, "absent")
        yield _finding(found == _CLOSED, path, _CLOSED, found)
    yield from confined(ours.UNIT, _CONFINED, facts["unit"])
    yield from _running(setting, facts["status"] or {})


def _running(setting: Setting, status: dict[str, Any]) -> Iterator[Finding]:
    """Judge what runs, which is not always what is on disk, and whether both of its ends answer it."""
    text = next((file.text for file in setting.files if file.path == ours.CONFIGURATION), "")
    wanted = {"program": setting.program, "configuration": hashlib.sha256(text.encode()).hexdigest()}
    for name, digest in wanted.items():
        runs = status.get(name)
        shown = f"another {name}" if runs else "nothing that says so"
        yield _finding(runs == digest, f"{name} that runs", digest, digest if runs == digest else shown)
    answered = status.get("answered", {})
    for end in (ours.BROKER, setting.database):
        age = answered.get(end)
        near = age is not None and age <= setting.seconds
        shown = "never" if age is None else f"not for {age} s"
        wanted_age = f"answered within {setting.seconds} s"
        yield _finding(near, f"{end}: connected", wanted_age, wanted_age if near else shown)
