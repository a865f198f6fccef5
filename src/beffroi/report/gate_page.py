"""The gate's answer about one town, in the order of reading: what every page, whatever its form, shows. Pure.

What refuses comes first, with its place and the way out; then what the change does; remarks come last.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from beffroi.review import Review

from . import gate_changes, gate_findings
from .bilingual import spoken_day
from .gate_entry import Entry, Mark, Page, Section, counted, names
from .inline import Words, joined, plain, prose, told

_Thing = TypeVar("_Thing")

_LAST = (Mark.REMEDIED, Mark.KNOWN, Mark.WAIVED, Mark.REMARK)


def page(review: Review, language: str) -> Page:
    """Return what there is to read about a review, in `language`."""
    sections = tuple(_sections(review, language))
    return Page(
        town=review.town,
        judgement=review.judgement,
        verdict=_verdict(review, language),
        facts=tuple(_facts(review, language)),
        sections=sections,
    )


def _verdict(review: Review, language: str) -> Words:
    counted_ = [counted(f"pages-count-{name}", count, language) for name, count in _counts(review) if count]
    counts = joined(counted_, plain(told("pages-between", language)))
    key = f"pages-{review.judgement}" + ("" if counts else "-alone")
    return told(key, language, town=review.town, counts=counts)


def _counts(review: Review) -> list[tuple[str, int]]:
    marks = Counter(mark for mark, _ in gate_findings.marked(review))
    doubts = sum(each.unknown for each in review.deviations)
    paths = gate_changes.together(review.flows)
    sorts = Counter(each[0].sort for each in paths if not each[0].doubtful)
    return [
        ("faults", len(review.faults)),
        ("refusals", marks[Mark.REFUSES]),
        ("deviations", len(review.deviations) - doubts),
        ("doubts", marks[Mark.DOUBT] + doubts + sum(each[0].doubtful for each in paths)),
        ("opened", sorts["opened"]),
        ("closed", sorts["closed"]),
        ("controls", len(review.controls)),
        ("register", len(review.register_)),
        ("machines", len(review.blast)),
        *((mark.value, marks[mark]) for mark in _LAST),
    ]


def _facts(review: Review, language: str) -> Iterator[Words]:
    if review.base:
        key = "pages-compared" if review.head else "pages-compared-files"
        yield told(key, language, base=review.base, head=review.head)
    elif not review.faults:
        yield told("pages-not-compared", language)
    if review.decision:
        asked = counted("pages-policies", len(review.decision.policies), language)
        today = prose(spoken_day(review.decision.today, None, language))
        day = told("pages-day", language, day=today, policies=asked)
        yield day + told(f"pages-{review.decision.strictness}", language)
        if review.decision.unasked:
            yield told("pages-unasked", language, policies=names(review.decision.unasked, language))
    if review.flows_compared and not review.flows:
        yield told("pages-flows-same", language)


def _sections(review: Review, language: str) -> Iterator[Section]:
    def made(things: Iterable[_Thing], entry: Callable[[_Thing, str], Entry]) -> list[Entry]:
        return [entry(thing, language) for thing in things]

    found = [gate_findings.violation(mark, each, language) for mark, each in gate_findings.marked(review)]
    found += [gate_findings.deviation(each, review, language) for each in review.deviations]
    by_mark = {mark: [entry for entry in found if entry.mark == mark] for mark in Mark}
    sections = {
        "faults": [gate_findings.fault(each) for each in review.faults],
        "refuses": by_mark[Mark.REFUSES],
        "doubt": by_mark[Mark.DOUBT],
        "flows": made(gate_changes.together(review.flows), gate_changes.flow),
        "controls": made(review.controls, gate_changes.control),
        "register": made(review.register_, gate_changes.activity),
        "blast": made(review.blast, gate_changes.machine),
        "steps": [gate_changes.step(step) for step in review.steps or ()],
        **{mark.value: by_mark[mark] for mark in _LAST},
    }
    for name, entries in sections.items():
        if entries:
            title = told(f"pages-section-{name}", language, count=len(entries))
            lead = told(f"pages-lead-{name}", language)
            yield Section(name, title, lead, tuple(entries), open=name in {"faults", "refuses", "doubt"})
