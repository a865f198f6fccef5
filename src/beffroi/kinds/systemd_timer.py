"""Work that must happen by itself: timers that are set, and whose last run went well.

For each store of files there is a purge: a timer of ours that removes, as the store's owner, the files whose last
change is older than the shortest retention of the activities that claim the store. Looked at: systemd's own view of
the timer and of its service, the command that it really runs, and whether files that outlived their retention remain.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import StringConstraints, model_validator

from beffroi.city import Store
from beffroi.errors import InvalidInput
from beffroi.kinds import KindModel, SettingModel, Site
from beffroi.kinds._findings import finding_or_none as _finding
from beffroi.messages import say
from beffroi.verdict import Finding

from ._sections import look
from ._units import NOTHING, units_shown, waits

if TYPE_CHECKING:
    from testinfra.host import Host as LiveHost

TimerName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9@_.-]+\.timer$", max_length=100)]

_DAY = timedelta(days=1)
_NEXT = "NextElapseUSecRealtime,NextElapseUSecMonotonic"
_TIMER = f"Id,LoadState,ActiveState,SubState,UnitFileState,{_NEXT},LastTriggerUSec,TimersCalendar"
_SERVICE = "Id,LoadState,Result,ExecMainExitTimestamp,User,ExecStart"
_ARGV = re.compile(r"argv\[\]=(?P<argv>.*?) ; ignore_errors=")
_CALENDAR = re.compile(r"OnCalendar=(?P<calendar>.*?) ;")

MEANS = {
    "purge.path": "part of `command`, which is compared",
    "purge.minutes": "part of `command`, which is compared",
    "purge.retention_minutes": "the check's own ceiling, which no role enforces",
}
"""Values that a pass need not tell from others, and why (beffroi.coverage)."""


class Params(KindModel):
    """A timer of the system (`timer`), or the purges of the machine's stores (`purge: true`)."""

    timer: TimerName | None = None
    purge: bool = False

    @model_validator(mode="after")
    def _one_of_both(self) -> Params:
        if (self.timer is None) != self.purge:
            raise ValueError("say `timer: <name>.timer`, or `purge: true`")  # noqa: TRY003, EM101 - pydantic's own way
        return self


class Purge(KindModel):
    """Whose files are removed where, `minutes` after their last change, how often; all of `retention_minutes` later."""

    store: str
    path: str
    owner: str
    minutes: int
    retention_minutes: int
    calendar: str

    def command(self) -> str:
        """Return what the service runs: no shell, one file system, nothing but files and links below the store."""
        return f"/usr/bin/find {self.path} -xdev -mindepth 1 ! -type d -mmin +{self.minutes} -delete"


class Setting(SettingModel):
    """A timer that must be set, and its purge if it is one of ours; `command` is what the purge runs."""

    timer: str
    purge: Purge | None = None
    command: str = ""

    @property
    def key(self) -> str:
        """Return the timer's name."""
        return self.timer

    @property
    def service(self) -> str:
        """Return the service that the timer starts."""
        return self.timer.removesuffix(".timer") + ".service"


def expected(params: Params, site: Site) -> list[Setting]:
    """Return the timer, or a purge a store that an activity claims; raise InvalidInput for a path unfit for purging."""
    if params.timer:
        return [Setting(timer=params.timer)]
    stores: dict[str, Store] = getattr(site.machine, "stores", {})
    # Rows are not files, and copies have none that grow old one by one: the kinds `database` and `backup` erase them.
    files = {name: store for name, store in stores.items() if store.database is None and not store.copies}
    return [setting for name, store in files.items() for setting in _purge(site, name, store)]


def _purge(site: Site, name: str, store: Store) -> Iterator[Setting]:
    kept = [activity.retention.lasts() for activity in site.city.processing.values() if name in activity.stores]
    if not kept:
        return
    parts = PurePosixPath(store.path).parts
    if ".." in parts or len(parts) < 3:  # noqa: PLR2004 - `/` and two names: never a top folder of the system
        raise InvalidInput(say("timers-unsafe-store", path=store.path), where=site.name, hint=say("timers-unsafe-hint"))
    period = timedelta(hours=1) if min(kept) >= _DAY else timedelta(minutes=5)
    purge = Purge(
        store=name,
        path=store.path,
        owner=store.owner,
        # A retention is a ceiling: what the next run would find too old goes now.
        minutes=_minutes(min(kept) - period),
        retention_minutes=_minutes(min(kept)),
        # As systemd writes them back (systemd.time(7)): every hour, or every five minutes.
        calendar="*-*-* *:00:00" if min(kept) >= _DAY else "*-*-* *:00/5:00",
    )
    yield Setting(timer=f"beffroi-purge-{name}.timer", purge=purge, command=purge.command())


def _minutes(length: timedelta) -> int:
    return int(length / timedelta(minutes=1))


def weakened(before: Params, after: Params) -> bool:
    """Tell whether the work that had to happen is given up; how long data is kept is the register's to say."""
    return before != after


def observe(host: LiveHost, settings: Sequence[Setting]) -> dict[str, Any]:
    """Ask systemd about every timer and service at once, and count the files that outlived their retention."""
    timers, services = ([setting.timer for setting in settings], [setting.service for setting in settings])
    # At most a thousand: one is already too many.
    counts = [
        f"printf '%s ' {purge.store}; find {purge.path} -xdev -mindepth 1 ! -type d -mmin +{purge.retention_minutes} "
        "2>/dev/null | head -n 1000 | wc -l"
        for purge in (setting.purge for setting in settings)
        if purge
    ]
    seen = look(
        host,
        {
            "timers": f"systemctl show -p {_TIMER} {' '.join(timers)}",
            "services": f"systemctl show -p {_SERVICE} {' '.join(services)}",
            "overdue": "; ".join(counts) or "true",
        },
    )
    return {
        "timers": units_shown(seen["timers"].text),
        "services": units_shown(seen["services"].text),
        "overdue": {store: int(count) for store, count in (line.split() for line in seen["overdue"].lines())},
    }


def judge(settings: Sequence[Setting], facts: dict[str, Any]) -> list[Finding]:
    """Judge each timer, its service's last run, and for a purge its command, its account and what it left."""
    return [finding for setting in settings for finding in _judge(setting, facts)]


def _judge(setting: Setting, facts: dict[str, Any]) -> Iterator[Finding]:
    timer = facts["timers"].get(setting.timer, {})
    service = facts["services"].get(setting.service, {})
    enabled = timer.get("UnitFileState") in {"enabled", "static"} and timer.get("ActiveState") == "active"
    state = f"{timer.get('UnitFileState') or 'absent'}, {timer.get('ActiveState', 'unknown')}"
    yield _finding(enabled, setting.timer, "enabled, active", state)
    due = waits(timer)
    yield _finding(due, f"{setting.timer}: next run", "set", "set" if due else "none")
    yield _last_run(setting, timer, service)
    if setting.purge:
        calendars = ", ".join(match["calendar"] for match in _CALENDAR.finditer(timer.get("TimersCalendar", "")))
        yield _finding(calendars == setting.purge.calendar, setting.timer, setting.purge.calendar, calendars)
        yield from _purge_findings(setting, setting.purge, service, facts["overdue"].get(setting.purge.store))


def _last_run(setting: Setting, timer: dict[str, str], service: dict[str, str]) -> Finding:
    ran = {service.get("ExecMainExitTimestamp", ""), timer.get("LastTriggerUSec", "")} - NOTHING
    result = service.get("Result", "unknown") if service.get("LoadState") == "loaded" else "no such service"
    # A purge runs as soon as it is set up; the system's own timers may not have had their first time yet.
    good = result == "success" and (bool(ran) or setting.purge is None)
    return _finding(good, f"{setting.service}: last run", "success", result if ran else f"{result}, never ran")


def _purge_findings(setting: Setting, purge: Purge, service: dict[str, str], overdue: int | None) -> Iterator[Finding]:
    commands = [match["argv"] for match in _ARGV.finditer(service.get("ExecStart", ""))]
    yield _finding(commands == [setting.command], f"{setting.service}: command", setting.command, "; ".join(commands))
    yield _finding(
        service.get("User") == purge.owner, f"{setting.service}: account", purge.owner, service.get("User", "")
    )
    yield _finding(overdue == 0, f"{purge.store}: files past their retention", "0", str(overdue))
