"""One finding of a kind that compares: it passes or fails, and says what was wanted and what was seen."""

from __future__ import annotations

from beffroi.verdict import Finding, Outcome


def finding(good: bool, subject: str, wanted: str, observed: str) -> Finding:  # noqa: FBT001 - the finding's outcome
    """Return a pass or a failure."""
    outcome = Outcome.PASS if good else Outcome.FAIL
    return Finding(outcome=outcome, subject=subject, expected=wanted, observed=observed)


def finding_or_none(good: bool, subject: str, wanted: str, observed: str) -> Finding:  # noqa: FBT001 - the same
    """Return the same; where nothing was seen, it says so."""
    return finding(good, subject, wanted, observed or "(none)")
