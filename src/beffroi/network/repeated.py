"""What is made of a machine's compiled objects, given again for another version of the town that holds the same. Pure.

A proposal changes a few machines of a town: all the others are compiled to the very same objects as before it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

from beffroi.messages import spoken_language

_MOST = 4096

Made = TypeVar("Made")


class Repeated(Generic[Made]):
    """The last thing made for each machine, in the reader's language, for as long as its objects are the same."""

    def __init__(self, make: Callable[[Sequence[dict[str, Any]]], Made]) -> None:
        self._make = make
        self._last: dict[tuple[str, str], tuple[Sequence[dict[str, Any]], Made]] = {}

    def of(self, machine: str, objects: Sequence[dict[str, Any]]) -> Made:
        """Return what is made of a machine's objects, which nobody may change."""
        key = machine, spoken_language()
        known = self._last.get(key)
        if known is not None and known[0] == objects:
            return known[1]
        if len(self._last) >= _MOST:
            self._last.clear()
        made = self._make(objects)
        self._last[key] = objects, made
        return made
