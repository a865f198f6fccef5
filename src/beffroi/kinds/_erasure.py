"""When rows go: the SQL that removes what outlived its retention, and the timer that has it run as postgres."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256

from beffroi.city import City
from beffroi.city.databases import Database
from beffroi.kinds import KindModel

FOLDER = "/etc/beffroi/purge"
_DAY = timedelta(days=1)


class Erasure(KindModel):
    """Rows of a database go `minutes` after their date (`dates`: `table.column`), all of `retention_minutes` later.

    `text` is the SQL, in the file `path`; `command` is what the timer runs, when `calendar` says (systemd.time(7)).
    """

    timer: str
    path: str
    text: str
    command: str
    dates: tuple[str, ...]
    minutes: int
    retention_minutes: int
    calendar: str

    @property
    def service(self) -> str:
        """Return the service that the timer starts."""
        return self.timer.removesuffix(".timer") + ".service"

    def digest(self) -> str:
        """Return the SQL's SHA-256."""
        return sha256(self.text.encode()).hexdigest()


def erasure(city: City, store: str, database: Database) -> Erasure | None:
    """Return what erases a store's database: by the shortest retention of the activities that claim it, if any does."""
    kept = [activity.retention.lasts() for activity in city.processing.values() if store in activity.stores]
    if not kept:
        return None
    period = timedelta(hours=1) if min(kept) >= _DAY else timedelta(minutes=5)
    # A retention is a ceiling: what the next run would find too old goes now.
    minutes = int((min(kept) - period) / timedelta(minutes=1))
    path = f"{FOLDER}/{database.name}.sql"
    dates = tuple(f"{name}.{table.dated_by}" for name, table in database.tables.items())
    return Erasure(
        timer=f"beffroi-erase-{database.name.replace('_', '-')}.timer",
        path=path,
        text="".join(_statements(date, minutes) for date in dates),
        command=f"/usr/bin/psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --dbname={database.name} --file={path}",
        dates=dates,
        minutes=minutes,
        retention_minutes=int(min(kept) / timedelta(minutes=1)),
        calendar="*-*-* *:00:00" if min(kept) >= _DAY else "*-*-* *:00/5:00",
    )


def _statements(date: str, minutes: int) -> str:
    """Return what removes a table's old rows, and what frees their place: until then they lie on the disk."""
    table, column = date.split(".")
    return (
        f'DELETE FROM public."{table}" WHERE "{column}" < now() - interval \'{minutes} minutes\';\n'
        f'VACUUM public."{table}";\n'
    )
