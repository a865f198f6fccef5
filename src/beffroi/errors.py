"""The exception tree: every error says what is wrong, where, and what to do next.

::

    BeffroiError                 a person can act on it; the command line prints it without a traceback
    ├── InvalidInput             what a person wrote does not hold            exit 1
    │   └── InvalidCity          one or more located problems in a town's files
    ├── RefusedPlan              a policy refuses the change                  exit 1
    └── CouldNotAct              the world did not let us act                 exit 2
        ├── CouldNotLook         an observation failed: the verdict is `error`
        ├── MissingTool          a program, a right or a cached file is missing
        └── Interrupted          another run holds the lock, or a run was cut short
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

_Part = TypeVar("_Part")


class BeffroiError(Exception):
    """What is wrong, where it is, and what to do next.

    `what` and `hint` are already in the reader's language; `where` is `file:line`, a host or a resource.
    `exit_code` is the status of the command that meets the error (1: something fails, 2: could not tell).
    """

    exit_code = 2

    def __init__(self, what: str, *, where: str | None = None, hint: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        advice = f"\n  -> {self.hint}" if self.hint else ""
        return f"{place}{self.what}{advice}"


class InvalidInput(BeffroiError):
    """What a person wrote does not hold."""

    exit_code = 1


@dataclass(frozen=True, order=True)
class Problem:
    """One located mistake in a town's files: `file:line`, the field's path, the reason and the way out.

    `line` starts at 1; `field` is a dotted path such as `hosts.db.interfaces.servers.ipv4`.
    """

    file: str
    line: int
    field: str
    reason: str
    hint: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.field}: {self.reason}\n  -> {self.hint}"


class InvalidCity(InvalidInput):
    """The town's files hold mistakes; `problems` lists all that were found, in the files' order."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = sorted(problems)
        super().__init__("\n".join(map(str, self.problems)))


class Reading:
    """Reads several parts of what a person wrote, so that the problems of all of them are told at once."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def part(self, read: Callable[[], _Part]) -> _Part | None:
        """Return what `read` returns; None when it raises InvalidCity, whose problems join the others."""
        try:
            return read()
        except InvalidCity as error:
            self.problems += error.problems
            return None


class RefusedPlan(BeffroiError):
    """A mandatory policy refuses the plan, or the decision names another plan."""

    exit_code = 1


class CouldNotAct(BeffroiError):
    """The world did not let us act; nothing is known of the outcome beyond what the message says."""


class CouldNotLook(CouldNotAct):
    """An observation failed. Its verdict is `error`: never `fail`, never `pass`."""


class MissingTool(CouldNotAct):
    """A program, a privilege or a cached file is missing on this computer."""


class Interrupted(CouldNotAct):
    """Another run holds the lock, or a run was cut short."""


UNREADABLE = (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""What reading something that a host sent can raise: a host may say anything, and what cannot be read is no answer."""
