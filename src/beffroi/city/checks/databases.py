"""Databases and copies: what they name is declared, and is what it should be."""

from __future__ import annotations

from collections.abc import Iterator

from beffroi.city.databases import Account, Database, Table
from beffroi.city.model import City
from beffroi.fieldpath import FieldPath

from .mistake import Mistake


def mistakes(city: City) -> Iterator[Mistake]:
    """Yield what databases and copies name and nothing declares, and databases of one name on one host."""
    places = {name: host for host, name, _ in city.stores()}
    first: dict[tuple[str, str], FieldPath] = {}
    for host, name, store in city.stores():
        path: FieldPath = ("hosts", host, "stores", name)
        yield from _copies(city, places, path, store.copies)
        if store.database is None:
            continue
        path = (*path, "database")
        holder = first.setdefault((host, store.database.name), path)
        if holder != path:
            yield Mistake((*path, "name"), "database-twice", {"name": store.database.name}, holder)
        yield from _database(city, path, store.database)


def _copies(city: City, places: dict[str, str], path: FieldPath, copied: tuple[str, ...]) -> Iterator[Mistake]:
    stores = {name: store for _, name, store in city.stores()}
    for index, name in enumerate(copied):
        field = (*path, "copies", index)
        if name not in stores:
            yield Mistake(field, "unknown-store", {"name": name}, choices=sorted(stores))
        elif places[name] == path[1] or stores[name].copies:
            yield Mistake(field, "copies-nearby", {"name": name, "host": str(path[1])})


def _database(city: City, path: FieldPath, database: Database) -> Iterator[Mistake]:
    for name, table in database.tables.items():
        yield from _table((*path, "tables", name), table)
    for name, account in database.accounts.items():
        yield from _account(city, (*path, "accounts", name), account, database)


def _table(path: FieldPath, table: Table) -> Iterator[Mistake]:
    named = [("dated_by", table.dated_by), *((("pseudonymised", name)) for name in table.pseudonymised)]
    for field, column in named:
        if column not in table.columns:
            yield Mistake((*path, field), "unknown-column", {"name": column}, choices=sorted(table.columns))


def _account(city: City, path: FieldPath, account: Account, database: Database) -> Iterator[Mistake]:
    if not city.manages(account.host):
        yield Mistake((*path, "host"), "unknown-machine", {"name": account.host}, choices=sorted(city.machines()))
    for table in account.may:
        if table not in database.tables:
            yield Mistake((*path, "may", table), "unknown-table", {"name": table}, choices=sorted(database.tables))
