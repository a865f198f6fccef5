"""Diff: what the program declares against what was recorded, or read back. Pure.

It compares inputs with inputs (`old_inputs`, which a refresh replaces by what `read` found), never with outputs: so a
drift is a difference like any other, and the next up heals it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel

from beffroi.provider.shape import covers, patterns, settle
from beffroi.provider.wire import Path, has_unknown, reveal_struct, spell

ABSENT = object()


@dataclass(frozen=True)
class Change:
    """One property that differs: where, how, and whether it takes a new object."""

    at: Path
    kind: Literal["ADD", "DELETE", "UPDATE"]
    replaces: bool

    @property
    def property(self) -> str:
        """The top-level property."""
        return str(self.at[0])


def diff(
    model: type[BaseModel], old: Mapping[str, object], new: Mapping[str, object], ignored: Iterable[str] = ()
) -> list[Change]:
    """Return how `new` differs from `old`, in the properties' order.

    Both are settled first: a default that a newer version of the model brings is no change. A value not known yet is
    one. `ignored` are the paths of the resource's `ignoreChanges`.
    """
    replacing = patterns(model, "replace")
    skipped = set(ignored)
    before, after = settle(model, reveal_struct(old)), settle(model, reveal_struct(new))
    return [
        Change(at, kind, any(covers(pattern, at) for pattern in replacing))
        for at, kind in _compare(before, after, ())
        if not any(spell(at[:depth]) in skipped for depth in range(1, len(at) + 1))
    ]


def _compare(old: object, new: object, at: Path) -> Iterator[tuple[Path, Literal["ADD", "DELETE", "UPDATE"]]]:
    if isinstance(old, dict) and isinstance(new, dict) and (old or new):
        for name in sorted(old.keys() | new.keys()):
            yield from _compare(old.get(name, ABSENT), new.get(name, ABSENT), (*at, name))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (before, after) in enumerate(zip(old, new, strict=True)):
            yield from _compare(before, after, (*at, index))
    elif _nothing(old) and _nothing(new):
        return
    elif _nothing(old):
        yield at, "ADD"
    elif _nothing(new):
        yield at, "DELETE"
    elif old != new or has_unknown(new):
        yield at, "UPDATE"


def _nothing(value: object) -> bool:
    return value is ABSENT or value is None
