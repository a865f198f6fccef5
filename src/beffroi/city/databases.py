"""Databases that hold personal data: which columns, dated by which, open to whom. Names alone: never a value."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from .words import Declared, Name

SqlName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=63)]
"""A name that PostgreSQL takes without quotes (its documentation, 4.1.1), so that it is one word everywhere."""


class Privilege(StrEnum):
    """What a database account may do with a table (PostgreSQL's documentation, 5.7); owning it is not on the list."""

    SELECT = "select"
    INSERT = "insert"
    UPDATE = "update"
    DELETE = "delete"


class Table(Declared):
    """A table, whole: a column that is not listed must not be there (minimisation, RGPD, article 5(1)(c))."""

    columns: Annotated[tuple[SqlName, ...], Field(min_length=1, description="every column")]
    dated_by: Annotated[
        SqlName, Field(description="the column whose time starts a row's retention (`timestamptz`); one of `columns`")
    ]
    pseudonymised: Annotated[
        tuple[SqlName, ...],
        Field(description="columns that hold keyed digests, never the identifier itself (RGPD, article 4(5))"),
    ] = ()


class Account(Declared):
    """An account of the database, for one program on one machine."""

    host: Annotated[Name, Field(description="the machine from which it connects; a flow must lead from there")]
    may: Annotated[dict[SqlName, tuple[Privilege, ...]], Field(description="what it may do, by table")]


class Database(Declared):
    """A PostgreSQL database that lives in a store's folder (as a tablespace of its own)."""

    name: Annotated[SqlName, Field(description="its name, unlike any other on its host")]
    tables: Annotated[dict[SqlName, Table], Field(min_length=1, description="every table, by name")]
    accounts: Annotated[dict[SqlName, Account], Field(description="every account that may connect, by name")]
