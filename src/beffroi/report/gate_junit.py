"""The gate's answer as JUnit XML: one suite a town, one case a policy. Pure.

What could not be told is an `error`, never `skipped`: a server shows skipped cases in green.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from xml.etree.ElementTree import Element, SubElement

from beffroi.messages import say
from beffroi.review import Review

from . import gate_findings
from .gate_entry import Entry, Mark
from .gate_findings import MODEL, PROOF
from .inline import plain
from .junit import written
from .visible import one_line

_TAGS = {Mark.REFUSES: "failure", Mark.DOUBT: "error", Mark.WAIVED: "skipped"}


@dataclass
class _Case:
    """One policy, the mistakes in the files or the network proof, and what was found by it."""

    name: str
    entries: list[Entry] = field(default_factory=list)
    unasked: bool = False

    @property
    def tag(self) -> str | None:
        """Return the element of the gravest finding: a failure hides an error, an error a waiver; remarks pass."""
        if self.unasked:
            return "skipped"
        marks = {entry.mark for entry in self.entries}
        return next((tag for mark, tag in _TAGS.items() if mark in marks), None)


def junit(reviews: Sequence[Review], language: str) -> str:
    """Return the towns' reviews as JUnit XML 1.0, well formed whatever the files said."""
    suites = [(review, _cases(review, language)) for review in reviews]
    root = Element("testsuites", {"name": "beffroi-gate", **_figures([case for _, cases in suites for case in cases])})
    for review, cases in suites:
        suite = SubElement(root, "testsuite", {"name": one_line(review.town), **_figures(cases)})
        if review.decision:
            suite.set("timestamp", f"{review.decision.today.isoformat()}T00:00:00")
        for case in cases:
            _write(suite, case, language)
    return written(root)


def _cases(review: Review, language: str) -> list[_Case]:
    faults = [gate_findings.fault(each) for each in review.faults]
    cases = {MODEL: _Case(MODEL, faults)}
    decision = review.decision
    if decision is None:
        return list(cases.values())
    cases |= {name: _Case(name) for name in (PROOF, *decision.policies)}
    cases |= {name: _Case(name, unasked=True) for name in decision.unasked}
    for entry in _found(review, language):
        cases.setdefault(entry.id, _Case(entry.id)).entries.append(entry)
    return list(cases.values())


def _found(review: Review, language: str) -> Iterator[Entry]:
    for mark, found in gate_findings.marked(review):
        yield gate_findings.violation(mark, found, language)
    for each in review.deviations:
        yield gate_findings.deviation(each, review, language)


def _figures(cases: Sequence[_Case]) -> dict[str, str]:
    tags = [case.tag for case in cases]
    figures = {"failures": "failure", "errors": "error", "skipped": "skipped"}
    return {"tests": str(len(cases)), **{name: str(tags.count(tag)) for name, tag in figures.items()}}


def _write(suite: Element, case: _Case, language: str) -> None:
    family, _, _ = case.name.rpartition("/")
    names = {"classname": one_line(family or "beffroi"), "name": one_line(case.name)}
    element = SubElement(suite, "testcase", names)
    tag = case.tag
    if case.unasked:
        SubElement(element, "skipped", {"message": say("pages-junit-unasked", language=language)})
        return
    if tag is None:
        if case.entries:
            SubElement(element, "system-out").text = _told(case.entries)
        return
    telling = [entry for entry in case.entries if _TAGS.get(entry.mark) == tag]
    first = plain(telling[0].title)
    message = say("pages-junit-waived", language=language, what=first) if tag == "skipped" else first
    body = SubElement(
        element, tag, {"message": message} if tag == "skipped" else {"message": message, "type": one_line(case.name)}
    )
    body.text = _told(telling)
    others = [entry for entry in case.entries if entry not in telling]
    if others:
        SubElement(element, "system-out").text = _told(others)


def _told(entries: Sequence[Entry]) -> str:
    return "\n".join(line for entry in entries for line in _lines(entry))


def _lines(entry: Entry) -> Iterator[str]:
    place = one_line(f"{entry.spot}: ") if entry.spot else ""
    first, *others = [plain(line) for line in entry.lines] or [plain(entry.title)]
    yield f"{place}{first}"
    yield from (f"  {line}" for line in others)
    if entry.way_out:
        yield f"  -> {plain(entry.way_out)}"
