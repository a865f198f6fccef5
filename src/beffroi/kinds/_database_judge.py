"""What was seen of a database, compared with what was declared of it. Pure. See `kinds/database.py`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from beffroi.kinds._findings import finding_or_none as _finding
from beffroi.verdict import Finding, Outcome

from ._psql import STOPPED, UNIT
from ._units import waits

if TYPE_CHECKING:
    from ._erasure import Erasure
    from .database import Setting

_ARGV = re.compile(r"argv\[\]=(?P<argv>.*?) ; ignore_errors=")
_CALENDAR = re.compile(r"OnCalendar=(?P<calendar>.*?) ;")
_COUNT = re.compile(r"<(?P<name>[a-z]+)>(?P<count>[0-9-]+)</")
_OWN = ("postgres",)


def findings(setting: Setting, facts: Mapping[str, Any]) -> Iterator[Finding]:
    """Judge one part of a database, or what the server holds beside the declared databases."""
    if facts["state"] in STOPPED:
        yield _failing(UNIT, "active", facts["state"])
        return
    if setting.part == "declared":
        yield from _declared(setting, facts)
        return
    held = facts["held"].get(setting.database)
    if held is None:
        yield _failing(setting.database, "a database", "absent")
        return
    judges: dict[str, Callable[[Setting, Mapping[str, Any], Mapping[str, Any]], Iterator[Finding]]] = {
        "columns": _columns,
        "privileges": _privileges,
        "pseudonyms": _pseudonyms,
        "retention": _retention,
    }
    yield from judges[setting.part](setting, held, facts)


def _declared(setting: Setting, facts: Mapping[str, Any]) -> Iterator[Finding]:
    for name in setting.databases:
        there = name in facts["databases"]
        yield _finding(there, name, "a database", "there" if there else "absent")
    for name in sorted(set(facts["databases"]) - set(setting.databases)):
        yield _failing("database that no store declares", "none", name)
    yield _none("tables in the database postgres", facts["strays"])


def _columns(setting: Setting, held: Mapping[str, Any], facts: Mapping[str, Any]) -> Iterator[Finding]:
    where = facts["databases"].get(setting.database)
    yield _finding(where == setting.path, f"{setting.database}: folder", setting.path, where or "the server's own")
    for table in setting.tables:
        seen = held["tables"].get(table.name)
        subject = f"{setting.database}.{table.name}"
        if seen is None:
            yield _failing(subject, "a table", "absent")
            continue
        yield _same(f"{subject}: columns", table.columns, seen)
        if setting.seeded_rows and _rows(table.name, held) == 0:
            yield _failing(f"{subject}: made-up rows of the lab", "some", "none")
    declared = {table.name for table in setting.tables}
    others = [name for name in held["tables"] if name not in declared]
    yield _none(f"{setting.database}: tables that nobody declared", others)
    yield _none(f"{setting.database}: functions that nobody declared", held["programs"])
    yield _none(f"{setting.database}: tables outside the store's folder", held["elsewhere"])
    count = held["large_objects"]
    yield _finding(count == 0, f"{setting.database}: large objects", "0", str(count))


def _privileges(setting: Setting, held: Mapping[str, Any], facts: Mapping[str, Any]) -> Iterator[Finding]:
    del facts
    for grant in setting.grants:
        there = grant in held["grants"]
        yield _finding(there, f"{setting.database}: {grant}", "granted", "granted" if there else "not granted")
    others = sorted(set(held["grants"]) - set(setting.grants))
    everybody = [f"everybody{grant[1:]}" if grant.startswith("- ") else grant for grant in others]
    yield _none(f"{setting.database}: privileges that nobody declared", everybody)


def _pseudonyms(setting: Setting, held: Mapping[str, Any], facts: Mapping[str, Any]) -> Iterator[Finding]:
    del facts
    for column in setting.digests:
        subject = f"{setting.database}.{column}"
        counts = _counts(held["shapes"].get(column, ""))
        share = f"{counts['clear']} of {counts['n']}" if counts else "no such column"
        yield _finding(bool(counts) and counts["clear"] == 0, f"{subject}: values that are no keyed digest", "0", share)
        bound = column in held["bound"]
        yield _finding(bound, f"{subject}: others refused", "by a constraint", "by it" if bound else "by nothing")


def _retention(setting: Setting, held: Mapping[str, Any], facts: Mapping[str, Any]) -> Iterator[Finding]:
    if (erasure := setting.erasure) is None:
        return
    days = erasure.retention_minutes / 1440
    for date in erasure.dates:
        subject, counts = f"{setting.database}.{date}", _counts(held["ages"].get(date, ""))
        if not counts:
            yield _failing(subject, "a date", "no such column")
            continue
        past = f"{counts['overdue']} of {counts['n']}; half of the time past: {counts['late']}"
        yield _finding(counts["overdue"] == 0, f"{subject}: rows past their retention", "0", past)
        wanted = f"at most {days:.6g} days"
        yield _finding(counts["oldest"] <= days, f"{subject}: oldest row", wanted, f"{counts['oldest']} days")
        lost = counts["undated"] + counts["ahead"]
        yield _finding(lost == 0, f"{subject}: rows that no purge would ever take", "0", str(lost))
    yield from _work(erasure, facts)


def _work(erasure: Erasure, facts: Mapping[str, Any]) -> Iterator[Finding]:
    timer, service = facts["timers"].get(erasure.timer, {}), facts["services"].get(erasure.service, {})
    state = f"{timer.get('UnitFileState') or 'absent'}, {timer.get('ActiveState', 'unknown')}"
    yield _finding(state == "enabled, active", erasure.timer, "enabled, active", state)
    due = waits(timer)
    yield _finding(due, f"{erasure.timer}: next run", "planned", "planned" if due else "none")
    calendars = _CALENDAR.findall(timer.get("TimersCalendar", ""))
    yield _finding(calendars == [erasure.calendar], f"{erasure.timer}: when", erasure.calendar, "; ".join(calendars))
    ran = bool(service.get("ExecMainExitTimestamp") or timer.get("LastTriggerUSec"))
    result = service.get("Result", "unknown") if ran else "never ran"
    yield _finding(result == "success", f"{erasure.service}: last run", "success", result)
    commands = [match["argv"] for match in _ARGV.finditer(service.get("ExecStart", ""))]
    yield _finding(commands == [erasure.command], f"{erasure.service}: command", erasure.command, "; ".join(commands))
    user = service.get("User", "")
    yield _finding(user in _OWN, f"{erasure.service}: account", _OWN[0], user)
    wanted, observed = f"root:root 644 {erasure.digest()}", facts["files"].get(erasure.path, "absent")
    yield _finding(observed == wanted, erasure.path, wanted, observed)


def _rows(table: str, held: Mapping[str, Any]) -> int | None:
    """Return how many rows a table holds, where its retention had them counted."""
    counted = (_counts(xml) for date, xml in held["ages"].items() if date.startswith(f"{table}."))
    return next((counts.get("n") for counts in counted), None)


def _counts(xml: str) -> dict[str, int]:
    return {match["name"]: int(match["count"]) for match in _COUNT.finditer(xml)}


def _same(subject: str, wanted: Sequence[str], observed: Sequence[str]) -> Finding:
    ordered = sorted(wanted)
    return _finding(ordered == sorted(observed), subject, ", ".join(ordered), ", ".join(sorted(observed)))


def _none(subject: str, found: Sequence[str]) -> Finding:
    return _finding(not found, subject, "none", ", ".join(sorted(found)) or "none")


def _failing(subject: str, wanted: str, observed: str) -> Finding:
    return Finding(outcome=Outcome.FAIL, subject=subject, expected=wanted, observed=observed)
