"""The gate's answer as a report of GitLab Code Quality, which merge requests show beside their lines. Pure.

One list for all towns. Source: GitLab, "Code Quality report format" (docs.gitlab.com/ci/testing/code_quality).
GitLab keeps one finding a fingerprint, so that of two towns' findings none may be alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any

from beffroi.messages import say
from beffroi.review import Review, Spot

from . import gate_findings
from .fingerprint import Fingerprints
from .gate_entry import Entry, Mark
from .gate_findings import MODEL
from .inline import plain, prose
from .visible import one_line

Json = dict[str, Any]

_SEVERITIES = {
    Mark.REFUSES: "critical",
    Mark.DOUBT: "major",
    Mark.KNOWN: "major",
    Mark.REMARK: "minor",
    Mark.REMEDIED: "info",
}
"""What each mark means there; a waived violation is no finding, since the format knows no suppression."""


def codequality(reviews: Sequence[Review], language: str) -> list[Json]:
    """Return the findings of some towns, ready for JSON; descriptions are in `language`."""
    return [finding for review in reviews for finding in _findings(review, language)]


def _findings(review: Review, language: str) -> Iterator[Json]:
    somewhere = review.spot or Spot(file="inventory", line=1)
    for severity, fingerprint, entry in _severe(review, language):
        place = entry.spot or somewhere
        what, hint = plain(entry.lines[0] if entry.lines else entry.title), plain(entry.way_out or ())
        told = say("pages-sarif-message", language=language, what=what, hint=hint)
        yield {
            "description": told.replace("%{", "% {"),  # GitLab's own marks for styles begin so
            "check_name": one_line(entry.id),
            "fingerprint": _of_town(review.town, fingerprint),
            "severity": severity,
            "location": {"path": one_line(place.file), "lines": {"begin": place.line}},
        }


def _severe(review: Review, language: str) -> Iterator[tuple[str, str, Entry]]:
    """Yield each finding's severity, its fingerprint and what there is to read about it."""
    prints = Fingerprints()
    for fault in review.faults:
        what = prose(f"{fault.field}: {fault.reason}")
        yield "blocker", prints.fault(fault), replace(gate_findings.fault(fault), title=what, id=MODEL)
    for mark, found in gate_findings.marked(review):
        if mark in _SEVERITIES:
            entry = gate_findings.violation(mark, found, language)
            yield _SEVERITIES[mark], prints.violation(found.violation), entry
    for each in review.deviations:
        entry = gate_findings.deviation(each, review, language)
        yield _SEVERITIES[entry.mark], prints.deviation(each), replace(entry, lines=())


def _of_town(town: str, fingerprint: str) -> str:
    return sha256(f"{town}\0{fingerprint}".encode("utf-8", "replace")).hexdigest()[:32]
