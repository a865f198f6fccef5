"""A harmless line that must arrive: each machine says it every hour, and the collector says when it last heard it.

Whatever cuts, filters or redirects logs on their way takes the canary too. It is said by the facilities through which
access to personal data is traced (`authpriv` for sudo and SSH), so that its arrival answers for theirs. Probes never
write: a timer says it. Looked at: systemd's view of the timer and of its service, and on the collector the time of each
machine's newest canary, and nothing else of its lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, StringConstraints

from beffroi.city.roles import COLLECTOR_ROLE
from beffroi.kinds import KindModel, SettingModel, Site
from beffroi.kinds._findings import finding_or_none as _finding
from beffroi.verdict import Finding

from ._order import lacks
from ._sections import look
from ._units import units_shown
from .log_forwarding import senders

if TYPE_CHECKING:
    from testinfra.host import Host as LiveHost

Facility = Annotated[str, StringConstraints(pattern=r"^(authpriv|daemon|local[0-7])$")]
"""A facility of syslog (RFC 5424, table 1), as logger(1) names it."""

_TIMER, _SERVICE = "beffroi-canary.timer", "beffroi-canary.service"
_CALENDAR = "*-*-* *:00:00"
_SHOWN = "Id,ActiveState,UnitFileState,TimersCalendar,Result,ExecMainExitTimestamp,ExecStart"
_ARGV = re.compile(r"argv\[\]=(?P<argv>.*?) ; ignore_errors=")
_HOUR = 3600

MEANS = {"machine": "named in `commands`, which are compared"}
"""Values that a pass need not tell from others, and why (beffroi.coverage)."""


class Params(KindModel):
    """`part`: what a machine says, or what reaches the collector, never more than `hours` ago.

    `facilities`: those by which every machine says it; `by_role`: those of machines that play a role besides.
    """

    part: Literal["sender", "collector"] = "sender"
    facilities: Annotated[tuple[Facility, ...], Field(min_length=1)] = ("authpriv",)
    by_role: dict[str, tuple[Facility, ...]] = {}
    hours: Annotated[int, Field(ge=2, le=168)] = 3


class Heard(KindModel):
    """A machine whose canary the collector must have heard, by each of these facilities."""

    name: str
    facilities: tuple[str, ...]


class Setting(SettingModel):
    """What the service of `machine` runs, or whom the collector must have heard within `hours`."""

    part: Literal["sender", "collector"]
    machine: str
    commands: tuple[str, ...] = ()
    heard: tuple[Heard, ...] = ()
    hours: int = 0

    @property
    def key(self) -> str:
        """Return which end of the way this is."""
        return self.part


def expected(params: Params, site: Site) -> list[Setting]:
    """Return the canary of a machine, or what the collector must have heard; nothing where the town has none."""
    collector = next(iter(site.city.hosts_with_role(COLLECTOR_ROLE)), None)
    names = [] if collector is None else [collector, *(sender.name for sender in senders(site.city, collector))]
    if params.part == "collector":
        heard = tuple(Heard(name=name, facilities=_facilities(params, site, name)) for name in sorted(names))
        found = Setting(part="collector", machine=site.name, heard=heard, hours=params.hours)
        return [found] if site.name == collector else []
    said = tuple(_command(site.name, facility) for facility in _facilities(params, site, site.name))
    return [Setting(part="sender", machine=site.name, commands=said)] if site.name in names else []


def _facilities(params: Params, site: Site, name: str) -> tuple[str, ...]:
    played = site.city.machine(name).roles
    besides = (facility for role in played for facility in params.by_role.get(role, ()))
    return tuple(dict.fromkeys((*params.facilities, *besides)))


def _command(machine: str, facility: str) -> str:
    # The time is the line's own: what follows names where it comes from, and holds nothing of anybody.
    return f"/usr/bin/logger --priority {facility}.info --tag beffroi-canary {machine} {facility}"


def weakened(before: Params, after: Params) -> bool:
    """Tell whether an end is given up, a facility no longer carries the canary, or it may be older."""
    fewer = any(lacks(before.by_role[role], after.by_role.get(role, ())) for role in before.by_role)
    given_up = before.part != after.part or lacks(before.facilities, after.facilities)
    return given_up or fewer or after.hours > before.hours


def observe(host: LiveHost, settings: Sequence[Setting]) -> dict[str, Any]:
    """Ask systemd about timer and service, and the collector's files for the time of each newest canary."""
    newest = "; ".join(
        f"printf '{name} {facility} '; cat /var/log/remote/{name}.log.1 /var/log/remote/{name}.log 2>/dev/null | "
        f"sed -n 's/^\\([0-9T:.+Z-]*\\) [^ ]* beffroi-canary[^ ]* {name} {facility} *$/\\1/p' | tail -n 1; echo"
        for setting in settings
        for name, facilities in ((it.name, it.facilities) for it in setting.heard)
        for facility in facilities
    )
    seen = look(
        host,
        {
            "units": f"systemctl show -p {_SHOWN} {_TIMER} {_SERVICE}",
            "now": "date +%s",
            "newest": newest or "true",
        },
    )
    now = int(seen["now"].text)
    lines = (line.split() for line in seen["newest"].lines())
    return {
        "units": units_shown(seen["units"].text),
        # systemctl prints a line a command, under one name.
        "says": [match["argv"] for match in _ARGV.finditer(seen["units"].text)],
        "ages": {f"{name} {facility}": _age(now, when) for name, facility, *whens in lines for when in whens},
    }


def _age(now: int, when: str) -> int | None:
    """Return how many seconds ago a line was said, or None when its time is none (RFC 3339) or has no zone."""
    try:
        said = datetime.fromisoformat(when)
    except ValueError:
        return None
    return now - int(said.timestamp()) if said.tzinfo else None


def judge(settings: Sequence[Setting], facts: dict[str, Any]) -> list[Finding]:
    """Judge that the canary is said, word for word, or that each has arrived in time."""
    return [
        finding
        for setting in settings
        for finding in (_said(setting, facts) if setting.part == "sender" else _heard(setting, facts["ages"]))
    ]


def _said(setting: Setting, facts: dict[str, Any]) -> Iterator[Finding]:
    timer, service = facts["units"].get(_TIMER, {}), facts["units"].get(_SERVICE, {})
    state = f"{timer.get('UnitFileState') or 'absent'}, {timer.get('ActiveState', 'unknown')}"
    yield _finding(state == "enabled, active", _TIMER, "enabled, active", state)
    calendar = timer.get("TimersCalendar", "")
    yield _finding(f"OnCalendar={_CALENDAR} ;" in calendar, f"{_TIMER}: when", _CALENDAR, calendar)
    commands = tuple(facts["says"])
    yield _finding(commands == setting.commands, f"{_SERVICE}: says", "; ".join(setting.commands), "; ".join(commands))
    ran, result = bool(service.get("ExecMainExitTimestamp")), service.get("Result", "unknown")
    shown = result if ran else "never ran"
    yield _finding(shown == "success", f"{_SERVICE}: last run", "success", shown)


def _heard(setting: Setting, ages: dict[str, int | None]) -> Iterator[Finding]:
    wanted = f"heard within {setting.hours} h"
    for it in setting.heard:
        for facility in it.facilities:
            age = ages.get(f"{it.name} {facility}")
            # A canary of tomorrow is as good as none: it would hide days of silence.
            fresh = age is not None and -_HOUR <= age <= setting.hours * _HOUR
            observed = "never heard" if age is None else f"{age / _HOUR:.1f} h ago"
            yield _finding(fresh, f"canary of {it.name} by {facility}", wanted, observed)
