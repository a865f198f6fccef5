"""How a machine's PostgreSQL is asked: as the account postgres, in a session that cannot write, one JSON a question.

Only root may become postgres: an account that may not (the auditors' one) could not look, and its verdict says so.
Source: PostgreSQL 15's documentation, psql and `default_transaction_read_only`.
"""

from __future__ import annotations

import json
from typing import Any

from beffroi.errors import CouldNotLook
from beffroi.messages import say

from ._asking import quoted
from ._sections import Section

AS_POSTGRES = "runuser -u postgres --"
"""Before a program that postgres is to run: by no shell of its own, since that account has none."""

UNIT = "postgresql@15-main.service"
"""Debian 12's PostgreSQL and the one cluster that it makes (postgresql-common)."""

STATE = f"systemctl is-active {UNIT}"
"""Tells, by what it says, a server that was stopped (a failure) from one that could not be asked."""

STOPPED = frozenset({"inactive", "failed", "deactivating"})

PSQL = "/usr/bin/psql --no-psqlrc --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1"


def query(database: str, sql: str) -> str:
    """Return the command that puts one SELECT to a database; its answer is one line of JSON."""
    # `/`, since postgres may not enter the folder of whoever asks, and psql would complain.
    statement = quoted([" ".join(sql.split())])
    return (
        f"cd / && {AS_POSTGRES} env PGOPTIONS='-c default_transaction_read_only=on' {PSQL} -d {database} -c {statement}"
    )


def answered(section: Section) -> dict[str, Any]:
    """Return what a query answered; raise CouldNotLook when that is no JSON object."""
    lines = [line for line in section.lines() if line.startswith("{")]
    try:
        (line,) = lines
        answer = json.loads(line)
    except ValueError:
        raise CouldNotLook(say("kinds-psql-unreadable", words=section.text.strip()[-500:])) from None
    return dict(answer)


def names(words: tuple[str, ...]) -> str:
    """Return words as a list of SQL string literals; never empty, since `IN ()` is none."""
    return ", ".join("'" + word.replace("'", "''") + "'" for word in words) or "NULL"
