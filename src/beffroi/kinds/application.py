"""The citizens' application: what it runs with, where it listens, over TLS both ways, which databases it reaches.

Looked at: its files and its program by their digests, its unit, every socket on which it listens, and the answer that
it gives itself about its health, to who shows a certificate of the town and to who shows none.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import StringConstraints

from beffroi.kinds import KindModel, SettingModel, Site
from beffroi.kinds._findings import finding as _finding
from beffroi.verdict import Finding

from . import _application_files as ours
from . import _handshake as shake
from . import _tls as tls
from . import _written as written
from ._certificates import held, stat_of
from ._databases_reached import reached
from ._order import Answer
from ._sections import Section, look
from ._units import confined

if TYPE_CHECKING:
    from testinfra.host import Host as LiveHost

_CLOSED = "root:root 0600 regular file"
_OWNER = f"cgroup:/system.slice/{ours.UNIT}"
_CONFINED = {
    "ActiveState": "active",
    "UnitFileState": "enabled",
    "NeedDaemonReload": "no",
    "DropInPaths": "",
    "User": ours.USER,
    "SupplementaryGroups": tls.KEY_GROUP,
}

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class Params(KindModel):
    """`service`: what the application offers; `program`: the SHA-256 of its program; `minimum`: the oldest TLS."""

    program: Digest
    service: str = "app"
    databases: str = "postgresql"
    minimum: shake.Minimum = "TLSv1.2"


class Setting(SettingModel):
    """Where the application listens, under which name, what it runs with, and the databases that it must reach."""

    addresses: tuple[str, ...]
    port: int
    name: str
    minimum: shake.Minimum
    program: str
    databases: tuple[str, ...]
    files: tuple[written.Written, ...]

    @property
    def key(self) -> str:
        """Return the unit: a machine runs one application."""
        return ours.UNIT

    def asked(self) -> str:
        """Return whom the questions are put to: answers of another are none of this one's."""
        return f"{self.name} at {self.addresses[0]}:{self.port}"

    def sockets(self) -> list[str]:
        """Return where it listens, as ss(8) writes it."""
        return sorted(f"[{it}]:{self.port}" if ":" in it else f"{it}:{self.port}" for it in self.addresses)


def expected(params: Params, site: Site) -> list[Setting]:
    """Return the application, on a machine that offers its service over TLS."""
    if params.service not in tls.offered(site.city, site.name) or not tls.authority(site.city):
        return []
    addresses, port = tls.addresses(site.machine), site.city.services[params.service].ranges()[0][0]
    databases = list(_databases(site, params.databases))
    texts = ours.texts(addresses, port, databases)
    setting = Setting(
        addresses=addresses,
        port=port,
        name=tls.machine_name(site.city, site.name),
        minimum=params.minimum,
        program=params.program,
        databases=tuple(str(entry["database"]) for entry in databases),
        files=tuple(written.Written(path=path, text=text) for path, text in texts.items()),
    )
    return [setting]


def _databases(site: Site, service: str) -> Iterator[dict[str, object]]:
    """Yield the databases of the town in which an account is declared for this machine, and how to reach each."""
    for entry, database in reached(site, service):
        table, described = next(iter(database.tables.items()))
        yield {
            **entry,
            "table": table,
            "columns": [column for column in described.columns if column not in ("id", described.dated_by)],
            "pseudonymised": list(described.pseudonymised),
        }


def weakened(before: Params, after: Params) -> Answer:
    """Tell whether an older version may be spoken; programs and services are not ordered."""
    if after.minimum < before.minimum:
        return True
    same = before.model_dump(exclude={"minimum"}) == after.model_dump(exclude={"minimum"})
    return False if same else None


def observe(host: LiveHost, settings: Sequence[Setting]) -> dict[str, Any]:
    """Read files, unit and sockets, and ask the application how it is, with our certificate and without."""
    (setting,) = settings
    peer = shake.Peer(setting.addresses[0], setting.port, setting.name)
    old = {f"old-{version.lower().replace('.', '-')}": version for version in shake.older(setting.minimum)}
    seen = look(
        host,
        {
            "files": written.question([*(file.path for file in setting.files), ours.PROGRAM]),
            "key": stat_of([ours.PSEUDONYMS]),
            "unit": f"systemctl show -p {','.join(_CONFINED)} {ours.UNIT}",
            "sockets": "ss -Htln --cgroup",
            "health": shake.request(peer, "GET /health"),
            "stranger": shake.request(peer, "GET /health", shown=False),
            **{name: shake.refusal(peer, version) for name, version in old.items()},
        },
        may_fail=frozenset({"health", "stranger", *old}),
    )
    return {
        "asked": setting.asked(),
        "files": written.answer(seen["files"]),
        "key": "".join(held(line)[1] for line in seen["key"].lines()),
        "unit": dict(line.split("=", 1) for line in seen["unit"].lines()),
        "sockets": sorted(line.split()[3] for line in seen["sockets"].lines() if _OWNER in line.split()),
        "health": _health(seen["health"]),
        "stranger": shake.status(seen["stranger"]),
        "accepted": [version for name, version in old.items() if seen[name].text.strip() != "refused"],
    }


def _health(section: Section) -> dict[str, Any] | None:
    """Return what the application says of itself; None when it says nothing that can be read."""
    body = section.text.replace("\r", "").partition("\n\n")[2]
    try:
        said = json.loads(body) if shake.status(section) else None
    except ValueError:
        return None
    return said if isinstance(said, dict) else None


def judge(settings: Sequence[Setting], facts: dict[str, Any]) -> list[Finding]:
    """Judge the files, the unit, the sockets and the answers."""
    return [finding for setting in settings for finding in _judge(setting, facts)]


def _judge(setting: Setting, facts: dict[str, Any]) -> Iterator[Finding]:
    yield from written.findings(setting.files, facts["files"])
    yield written.program(ours.PROGRAM, setting.program, facts["files"])
    yield _finding(facts["key"] == _CLOSED, ours.PSEUDONYMS, _CLOSED, facts["key"] or "absent")
    yield from confined(ours.UNIT, _CONFINED, facts["unit"])
    sockets = facts["sockets"]
    yield _finding(sockets == setting.sockets(), "listens at", ", ".join(setting.sockets()), ", ".join(sockets) or "-")
    yield from _answers(setting, facts)


def _answers(setting: Setting, facts: dict[str, Any]) -> Iterator[Finding]:
    yield _finding(facts["asked"] == setting.asked(), "asked", setting.asked(), str(facts["asked"]))
    health = facts["health"] or {}
    runs = health.get("program")
    shown = "another program" if runs else "no answer over TLS"
    yield _finding(runs == setting.program, "program that runs", setting.program, shown)
    reached = health.get("databases", {})
    for name in setting.databases:
        observed = str(reached.get(name, "unknown"))[:40]
        yield _finding(observed == "connected", f"database {name}", "connected", observed)
    stranger = str(facts["stranger"] or "no answer")
    yield _finding(not facts["stranger"], "to who shows no certificate", "no answer", stranger)
    accepted = ", ".join(facts["accepted"]) or "none"
    yield _finding(not facts["accepted"], "older versions of TLS", "none", accepted)
