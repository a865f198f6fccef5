"""YAML as a person writes it, read strictly, with the line of everything (stub: replaced by the loader's author)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from beffroi.errors import Problem

FieldPath = tuple[str | int, ...]


@dataclass(frozen=True)
class Document:
    """One YAML file: its value, and the line of each field."""

    file: str
    value: Any
    lines: dict[FieldPath, int]

    def mapping(self) -> dict[str, Any]:
        """Return the top-level mapping; raise InvalidCity when the file holds something else."""
        raise NotImplementedError

    def problem(self, path: FieldPath, reason: str, hint: str) -> Problem:
        """Return a problem located at `path`, or at its nearest known ancestor."""
        raise NotImplementedError

    def problems(self, error: ValidationError, prefix: FieldPath = ()) -> list[Problem]:
        """Return pydantic's errors as located problems, in the reader's language."""
        raise NotImplementedError


def read(path: Path, *, shown_as: str) -> Document:
    """Read one file; raise InvalidCity (located) for whatever is not plain, unambiguous YAML of a sane size."""
    raise NotImplementedError
