"""The answer to a wish as the text of a pull request: what is asked, missing, opened, brought. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from beffroi.request.answer import Answer, Brought
from beffroi.request.questions import Asked

from . import gate_changes, gate_findings
from .bilingual import spoken_day
from .gate_entry import VERDICT_SIGNS, Mark, names
from .gate_markdown import entry
from .inline import Words, joined, name, prose, told
from .markdown_text import inline

SHOWN = 20
"""Controls and remarks told one by one; the others are counted."""


def markdown(answer: Answer, language: str, folder: str = "") -> str:
    """Return the whole text. `folder` is the town's, from the top of the repository, for the difference."""
    parts = [_title(answer, language), *_asked(answer, language), *_missing(answer, language)]
    if answer.review is not None:
        parts += [*_gate(answer, language), *_opens(answer, language), *_register(answer, language)]
        parts += [*_controls(answer, language), *_change(answer, language, folder)]
    return "\n".join(parts).rstrip("\n") + "\n"


def _title(answer: Answer, language: str) -> str:
    flow = answer.draft.flow if answer.draft else answer.wish.name or "-"
    return f"# {inline(told('request-title', language, flow=flow, town=answer.town))}\n"


def _heading(key: str, language: str) -> str:
    return f"\n## {inline(told(key, language))}\n"


def _asked(answer: Answer, language: str) -> Iterator[str]:
    wish, draft = answer.wish, answer.draft
    yield _heading("request-section-asked", language)
    yield inline(told("request-invitation", language)) + "\n"
    rows: list[tuple[str, Words]] = [
        ("who", name(wish.asked_by) if wish.asked_by else told("request-unanswered", language)),
        ("from", _names(wish.source, language)),
        ("to", _names(wish.destination, language)),
        ("service", _service(answer, language)),
        ("purpose", prose(getattr(wish.purpose, language) or "") or told("request-unanswered", language)),
        ("activity", _activity(answer, language)),
        ("until", _until(answer, language)),
    ]
    for key, words in rows:
        yield f"- {inline(told(f'request-row-{key}', language))} {inline(words)}"
    if draft and draft.without_activity:
        yield "\n" + inline(told("request-without-activity", language))


def _names(listed: tuple[str, ...], language: str) -> Words:
    return names(listed, language) if listed else told("request-unanswered", language)


def _service(answer: Answer, language: str) -> Words:
    wish, draft = answer.wish, answer.draft
    if draft is None:
        asked = wish.service or wish.port
        return name(asked) if asked else told("request-unanswered", language)
    return (
        name(draft.service) if not wish.port else told("request-port", language, service=draft.service, port=wish.port)
    )


def _activity(answer: Answer, language: str) -> Words:
    wish = answer.wish
    if wish.personal_data is False:
        return told("request-no-personal-data", language)
    return name(wish.processing) if wish.processing else told("request-unanswered", language)


def _until(answer: Answer, language: str) -> Words:
    wish = answer.wish
    if wish.until:
        return prose(spoken_day(wish.until, None, language))
    return told("request-permanent" if wish.permanent else "request-unanswered", language)


def _missing(answer: Answer, language: str) -> Iterator[str]:
    """Yield all that stands between the wish and a yes: unanswered questions, mistakes, what the gate refuses."""
    yield _heading("request-section-missing", language)
    lines = [_question(each, language) for each in answer.questions]
    review = answer.review
    if review is not None:
        lines += [_box(entry(gate_findings.fault(each), language)) for each in review.faults]
        for mark, found in gate_findings.marked(review):
            if mark in {Mark.REFUSES, Mark.DOUBT}:
                lines.append(_box(entry(gate_findings.violation(mark, found, language), language)))
        lines += [_box(entry(gate_findings.deviation(each, review, language), language)) for each in review.deviations]
    yield from lines or [inline(told("request-nothing-missing", language))]


def _question(asked: Asked, language: str) -> str:
    words = told(asked.key, language)
    if asked.choices:
        words += told("request-choices", language, choices=names(asked.choices, language))
    return f"- [ ] {inline(words)} ({inline(name(asked.field))})"


def _box(written: str) -> str:
    return "- [ ] " + written.removeprefix("- ")


def _gate(answer: Answer, language: str) -> Iterator[str]:
    review = answer.review
    assert review is not None  # noqa: S101 - held by markdown()
    yield _heading("request-section-gate", language)
    key = f"request-gate-{review.judgement}"
    yield f"{VERDICT_SIGNS[review.judgement]} {inline(told(key, language))}"
    if review.decision is not None:
        day = prose(spoken_day(review.decision.today, None, language))
        yield inline(told("request-gate-asked", language, count=len(review.decision.policies), day=day))
    others = [(mark, found) for mark, found in gate_findings.marked(review) if mark not in {Mark.REFUSES, Mark.DOUBT}]
    fresh = [(mark, found) for mark, found in others if not found.violation.known]
    yield from _some((entry(gate_findings.violation(*each, language), language) for each in fresh), language)
    if len(others) > len(fresh):
        yield "\n" + inline(told("request-known", language, count=len(others) - len(fresh)))


def _opens(answer: Answer, language: str) -> Iterator[str]:
    review = answer.review
    assert review is not None  # noqa: S101 - as above
    yield _heading("request-section-opens", language)
    if review.faults:
        yield inline(told("request-not-proved", language))
        return
    groups = gate_changes.together(review.flows)
    yield from _some((entry(gate_changes.flow(group, language), language) for group in groups), language)
    if not groups:
        yield inline(told("request-opens-nothing", language))


def _register(answer: Answer, language: str) -> Iterator[str]:
    review = answer.review
    assert review is not None  # noqa: S101 - as above
    if review.register_:
        yield _heading("request-section-register", language)
        yield from (entry(gate_changes.activity(each, language), language) for each in review.register_)


def _controls(answer: Answer, language: str) -> Iterator[str]:
    yield _heading("request-section-controls", language)
    yield from _some((_control(each, language) for each in answer.controls if not each.watches), language)
    if not any(not each.watches for each in answer.controls):
        yield inline(told("request-no-new-control", language))
    watching = [each for each in answer.controls if each.watches]
    if watching:
        yield "\n" + inline(told("request-watching", language)) + "\n"
        yield from _some((_control(each, language) for each in watching), language)


def _control(each: Brought, language: str) -> str:
    words = joined([prose(each.control.title.of(language)), names(each.machines, language)], " · ")
    return f"- {inline(words)} · {inline(name(each.control.id))}"


def _change(answer: Answer, language: str, folder: str) -> Iterator[str]:
    difference = answer.difference(folder)
    yield _heading("request-section-change", language)
    if answer.questions:
        yield inline(told("request-draft-only", language)) + "\n"
    fence = "`" * (1 + max([2, *(len(run) for run in re.findall("`+", difference))]))
    yield f"{fence}diff\n{difference}{fence}"


def _some(lines: Iterable[str], language: str) -> Iterator[str]:
    listed = list(lines)
    yield from listed[:SHOWN]
    if len(listed) > SHOWN:
        yield f"- {inline(told('request-more', language, count=len(listed) - SHOWN))}"
