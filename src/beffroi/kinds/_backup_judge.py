"""What is held against each side of a copy: the machine that streams a store, and the one that keeps it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, StrictBool, StrictInt, StrictStr, ValidationError

from beffroi.kinds import KindModel
from beffroi.verdict import Finding

from . import _backup_files as files
from ._placed import FOLDER, Written, held, verdict, whole
from ._units import NOTHING

_HOUR = 3600
_CLOCKS = 300
"""Seconds by which a machine's clock may be ahead of a time that it wrote itself, after it was set back."""
_NO_PASSWORD = ("!", "*")


class Copy(KindModel):
    """A store, whose `path` or `database` an `account` (and its group) reads on `source`, and its copies on `keeper`.

    They are borg's, in `repository`, below the keeper's store `place`, and belong to `kept_by`. `address` is the
    source's, `callers` are the keeper's.
    """

    store: str
    source: str
    keeper: str
    place: str
    path: str
    database: str
    account: tuple[str, str]
    repository: str
    kept_by: tuple[str, str]
    address: str
    callers: tuple[str, ...]
    retention_hours: int


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


_R = TypeVar("_R", bound=_Record)


class Backup(_Record):
    """What the daily run says of itself: `at` in seconds since 1970, `segments` a digest of the segments' listing."""

    at: StrictInt
    archive: StrictStr
    bytes: StrictInt
    checked: StrictStr
    elsewhere: StrictBool
    fetched: StrictBool
    pruned: StrictBool
    segments: StrictStr


class Restore(_Record):
    """What the daily restoration says: the copies' number and dates, whether the newest is what the source sent."""

    at: StrictInt
    archive: StrictStr
    archives: StrictInt
    oldest: StrictInt
    newest: StrictInt
    entries: StrictInt
    equal: StrictBool
    encryption: StrictStr


def source_findings(copies: Sequence[Copy], written: Sequence[Written], facts: dict[str, Any]) -> Iterator[Finding]:
    """Judge the account, its door, what its keys may do, and each store's socket and service."""
    yield from _account(facts)
    for folder in (files.FOLDER, files.HOME, f"{files.HOME}/.ssh"):
        yield held(facts["files"], folder, FOLDER)
    yield held(facts["files"], files.KEYS, "root:root 0644 regular file")
    yield verdict(f"{files.KEYS}2" not in facts["files"], f"{files.KEYS}2", "absent", "there")
    for one in written:
        yield whole(facts["files"], one)
    wanted = sorted(files.key_options(copy.store, copy.callers) for copy in copies)
    found = sorted(facts["keys"])
    yield verdict(found == wanted, f"{files.KEYS}: keys", " ; ".join(wanted), " ; ".join(found) or "none")
    for copy in copies:
        yield held(facts["files"], f"{files.SOCKETS}/{copy.store}.sock", f"root:{files.ACCOUNT} 0660 socket")
        socket, service = files.source_units(copy.store)
        rights = "" if copy.database else files.READ.lower()
        yield from _unit(facts["units"], socket, {"ActiveState": "active", "UnitFileState": "enabled"})
        confined = {"User": copy.account[0], "AmbientCapabilities": rights}
        yield from _unit(facts["units"], service.replace("@", "@look"), confined, service)


def _account(facts: dict[str, Any]) -> Iterator[Finding]:
    account = facts["account"]
    wanted = f"{files.ACCOUNT} in {files.HOME}, {files.DOOR}"
    found = f"{' '.join(account['groups'])} in {account['home']}, {account['shell']}" if account else "absent"
    uid = account["uid"] if account else 0
    yield verdict(found == wanted and uid != 0, files.ACCOUNT, wanted, f"{found}{'' if uid else ', uid 0'}")
    yield verdict(facts["password"] in _NO_PASSWORD, f"{files.ACCOUNT}: password", "locked", "one that works")


def _unit(units: dict[str, dict[str, str]], unit: str, more: dict[str, str], file: str = "") -> Iterator[Finding]:
    shown = units.get(unit, {})
    alike = {"LoadState": "loaded", "NeedDaemonReload": "no", "DropInPaths": ""}
    for name, value in {**alike, "FragmentPath": f"{files.UNITS}/{file or unit}", **more}.items():
        observed = shown.get(name, "(unset)")
        yield verdict(observed.lower() == value.lower(), f"{unit}: {name}", value or "none", observed or "none")


def keeper_findings(
    copies: Sequence[Copy], written: Sequence[Written], recent_hours: int, facts: dict[str, Any]
) -> Iterator[Finding]:
    """Judge the files that keep copies, then each store's secrets, timers, repository and records."""
    for one in written:
        yield whole(facts["files"], one)
    yield held(facts["secrets"], files.SECRETS, "root:root 0700 directory")
    for copy in copies:
        for sort in ("key", "ssh"):
            yield held(facts["secrets"], f"{files.SECRETS}/{copy.store}.{sort}", "root:root 0600 regular file")
        for act in ("backup", "restore"):
            yield held(facts["secrets"], f"{files.RECORDS}/{copy.store}.{act}", "root:root 0644 regular file")
        yield from _timers(copy.store, facts["units"])
        yield _not_purged(copy, facts["units"])
        yield from _repository(copy, facts)
        yield from _fetched(copy, recent_hours, facts)
        yield from _restored(copy, recent_hours, facts)


def _timers(store: str, units: dict[str, dict[str, str]]) -> Iterator[Finding]:
    for act in ("backup", "restore"):
        timer, service = f"beffroi-{act}-{store}.timer", f"beffroi-{act}-{store}.service"
        yield from _unit(units, timer, {"ActiveState": "active", "UnitFileState": "enabled"})
        next_run = units.get(timer, {}).get("NextElapseUSecRealtime", "")
        # systemd sets it once what the timer started has ended.
        yield verdict(next_run not in NOTHING or _running(units, service), f"{timer}: next run", "set", "none")
        yield from _unit(units, service, {"Result": "success"})
        ran = units.get(service, {}).get("ExecMainExitTimestamp", "")
        yield verdict(ran not in NOTHING or _running(units, service), f"{service}: last run", "ended", "never ran")


def _not_purged(copy: Copy, units: dict[str, dict[str, str]]) -> Finding:
    timer = files.purge_timer(copy.place)
    return verdict(units.get(timer, {}).get("ActiveState") == "inactive", timer, "inactive", "active")


def _running(units: dict[str, dict[str, str]], service: str) -> bool:
    return units.get(service, {}).get("ActiveState") == "activating"


def _repository(copy: Copy, facts: dict[str, Any]) -> Iterator[Finding]:
    found, last = facts["repositories"].get(copy.store, {}), backup_record(copy.store, facts)
    name = copy.repository
    yield verdict(bool(found.get("append_only")), f"{name}: append-only", "yes", "no")
    yield verdict(bool(found.get("keyed")), f"{name}: a key of its own", "yes", "no")
    running = _running(facts["units"], f"beffroi-backup-{copy.store}.service")
    same = last is not None and bool(last.segments) and found.get("segments") == last.segments
    yield verdict(same or running, f"{name}: segments", "as the last run left them", "changed since")
    overdue = [until for until in found.get("set_aside", []) if facts["now"] > until + 25 * _HOUR]
    yield verdict(not overdue, f"{name}: damaged copies set aside, past their day", "0", len(overdue))


def backup_record(store: str, facts: dict[str, Any]) -> Backup | None:
    """Return the last daily run's record; None where there is none that can be read."""
    return _read(Backup, facts["records"].get(f"{store}.backup"))


def _read(model: type[_R], record: Any) -> _R | None:  # noqa: ANN401 - whatever the machine said
    try:
        return model.model_validate(record)
    except ValidationError:
        return None


def _fetched(copy: Copy, recent_hours: int, facts: dict[str, Any]) -> Iterator[Finding]:
    record, name = backup_record(copy.store, facts), f"{copy.store} from {copy.source}"
    if record is None:
        yield verdict(False, f"{name}: daily run", "a record", "none")  # noqa: FBT003 - the finding's outcome
        return
    yield _recent(f"{name}: daily run", record.at, recent_hours, facts["now"])
    yield verdict(record.fetched and bool(record.archive), f"{name}: fetched whole", "yes", "no")
    yield verdict(record.elsewhere, f"{name}: on another machine", "yes", "no")
    yield verdict(record.pruned, f"{name}: older copies forgotten", "yes", "no")
    yield verdict(record.checked == "good", f"{copy.repository}: borg check", "good", record.checked[:20])


def _restored(copy: Copy, recent_hours: int, facts: dict[str, Any]) -> Iterator[Finding]:
    record, name = _read(Restore, facts["records"].get(f"{copy.store}.restore")), f"{copy.store} from {copy.source}"
    if record is None:
        yield verdict(False, f"{name}: restoration", "a record", "none")  # noqa: FBT003 - the finding's outcome
        return
    yield _recent(f"{name}: restoration", record.at, recent_hours, facts["now"])
    yield _recent(f"{name}: newest copy", record.newest, recent_hours, facts["now"])
    yield verdict(record.equal and record.entries > 0, f"{name}: restored as it was sent", "yes", "no")
    days = copy.retention_hours / 24
    age = facts["now"] - record.oldest
    kept = record.archives > 0 and age <= copy.retention_hours * _HOUR
    seen = f"{record.archives} copies, {age // (24 * _HOUR)} days"
    yield verdict(kept, f"{name}: oldest copy", f"{days:g} days old at most", seen)
    encrypted = record.encryption.startswith(("repokey", "keyfile"))
    yield verdict(encrypted, f"{copy.repository}: encryption", "borg's own", record.encryption[:40])


def _recent(subject: str, when: int, hours: int, now: int) -> Finding:
    age = now - when
    return verdict(-_CLOCKS <= age <= hours * _HOUR, subject, f"at most {hours} h old", f"{age // _HOUR} h old")
