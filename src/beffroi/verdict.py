"""Verdicts in XCCDF's words (NISTIR 7275 rev. 4, section 6.6.4.2), and what they are made from. Pure.

"Could not look" is `error`: never `fail`, never `pass`.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict


class Outcome(StrEnum):
    """The outcome of one control on one host."""

    PASS = "pass"  # noqa: S105 - XCCDF's word, not a password
    FAIL = "fail"
    ERROR = "error"
    NOT_APPLICABLE = "notapplicable"
    NOT_CHECKED = "notchecked"
    WAIVED = "waived"


class Frozen(BaseModel):
    """A frozen value without unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Capture(Frozen):
    """One command that ran on a host, and all that it answered. `seconds` is its wall time."""

    host: str
    command: str
    stdout: str
    stderr: str
    exit_code: int
    when: datetime
    seconds: float = 0.0


class Finding(Frozen):
    """What one setting was found to be. `expected` and `observed` are technical values, the same in any language."""

    outcome: Outcome
    subject: str
    expected: str
    observed: str
    reason: str = ""


class Observation(Frozen):
    """What one kind saw on one host: facts as plain JSON, or why it could not look; and the raw captures."""

    host: str
    kind: str
    facts: dict[str, Any] | None
    could_not_look: str = ""
    captures: tuple[Capture, ...] = ()


class Verdict(Frozen):
    """The outcome of one control on one host, with the findings that make it."""

    host: str
    control: str
    kind: str
    outcome: Outcome
    findings: tuple[Finding, ...] = ()
    reason: str = ""


_WORST_FIRST = (Outcome.ERROR, Outcome.FAIL, Outcome.NOT_CHECKED, Outcome.PASS, Outcome.NOT_APPLICABLE)


def worst(findings: Iterable[Finding]) -> Outcome:
    """Return the outcome that findings give a control: one error hides every pass; none at all is `notchecked`."""
    seen = [finding.outcome for finding in findings]  # a set would hash them, which for an enum costs more
    return next((outcome for outcome in _WORST_FIRST if outcome in seen), Outcome.NOT_CHECKED)


def exit_code(verdicts: Iterable[Verdict]) -> int:
    """Return 0 when all is good, 1 when something fails, 2 when something could not be told (the graver of the two)."""
    seen = {verdict.outcome for verdict in verdicts}
    if not seen or seen & {Outcome.ERROR, Outcome.NOT_CHECKED}:
        return 2
    return 1 if Outcome.FAIL in seen else 0
