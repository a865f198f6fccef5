"""Where a value stands in a document, and how values are shown to a person without trusting them."""

from __future__ import annotations

from collections.abc import Container

FieldPath = tuple[str | int, ...]
"""Keys and list positions from the top of a document, such as `("hosts", "db", "stores")`."""

WHOLE_FILE = "(file)"
"""What stands for the field when a problem is about the file itself."""

_SHOWN_LENGTH = 80
_SHOWN_STEPS = 10


def dotted(path: FieldPath) -> str:
    """Return `path` as a person reads it: `hosts.db.interfaces.servers.ipv4`."""
    shown = [visible(str(part)) for part in path[:_SHOWN_STEPS]] + ["…"] * (len(path) > _SHOWN_STEPS)
    return ".".join(shown) or WHOLE_FILE


def nearest(path: FieldPath, known: Container[FieldPath]) -> FieldPath:
    """Return `path`, or its closest ancestor among the `known` ones; the empty path when there is none."""
    while path and path not in known:
        path = path[:-1]
    return path


def visible(text: str) -> str:
    """Return `text` on one line, cut to 80 characters, with whatever a terminal could obey escaped."""
    shown = text if len(text) <= _SHOWN_LENGTH else text[: _SHOWN_LENGTH - 1] + "…"
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in shown)
