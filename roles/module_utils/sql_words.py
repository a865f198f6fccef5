"""Words that stand in SQL, quoted as PostgreSQL reads them."""

from __future__ import annotations


def name(word: str) -> str:
    """Return a name as SQL reads it whatever it is."""
    return '"' + word.replace('"', '""') + '"'


def text_of(word: str) -> str:
    """Return a text as SQL reads it whatever it is."""
    return "'" + word.replace("'", "''") + "'"
