"""One thing that does not hold between the parts of a city."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from beffroi.explain import suggestion
from beffroi.fieldpath import FieldPath
from beffroi.messages import say


@dataclass(frozen=True)
class Mistake:
    """A field that does not hold, as a message key and its names: a check stays pure, without language or files.

    `other` is the field that this one clashes with; its place fills `{other}` in the reason. `choices` are the words
    that could have stood here; without them, the hint is the text of `<key>-hint`.
    """

    path: FieldPath
    key: str
    names: Mapping[str, Any] = field(default_factory=dict)
    other: FieldPath | None = None
    choices: Sequence[str] | None = None

    def reason(self, other: str) -> str:
        """Return what is wrong, in the reader's language; `other` is the place of the field it clashes with."""
        return say(f"city-{self.key}", **{**self.names, "other": other})

    def hint(self) -> str:
        """Return the way out, in the reader's language."""
        if self.choices is not None:
            return suggestion(str(self.names["name"]), list(self.choices))
        return say(f"city-{self.key}-hint", **self.names)
