"""The register as HTML: a page for the town and one for each activity, in both languages. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from beffroi import __version__
from beffroi.city import City, Text
from beffroi.messages import LANGUAGES
from beffroi.register.model import Content, Entry, Proof, Register, SecurityLine, Standing, State
from beffroi.register.phrases import filled
from beffroi.verdict import Outcome

from . import activity_map
from .activity_path import Course, course
from .bilingual import both, moment, safe, told
from .html import asset, content_policy, environment
from .model import SYMBOLS

INDEX = "index.html"

SIGNS = {
    Standing.UNSEEN: SYMBOLS[Outcome.ERROR],
    Standing.WORDS: "✎",
    Standing.FAILING: SYMBOLS[Outcome.FAIL],
    Standing.WAIVED: SYMBOLS[Outcome.WAIVED],
    Standing.ELSEWHERE: SYMBOLS[Outcome.NOT_APPLICABLE],
    Standing.PROVED: SYMBOLS[Outcome.PASS],
}
_COLOURS = {
    Standing.UNSEEN: "error",
    Standing.WORDS: "error",
    Standing.FAILING: "fail",
    Standing.WAIVED: "waived",
    Standing.ELSEWHERE: "notapplicable",
    Standing.PROVED: "pass",
}


@dataclass(frozen=True)
class Cited:
    """Verdicts of one control that agree, told together: machines, verdict, last of its dates, reasons."""

    control: str
    title: Text
    hosts: tuple[str, ...]
    outcome: Outcome | None
    when: Markup
    reasons: tuple[str, ...]


def page_of(activity: str) -> str:
    """Return the file name of an activity's page."""
    return f"activity-{activity}.html"


def pages(register: Register, city: City, language: str = "fr") -> dict[str, str]:
    """Return every page by file name. `language` shows first; the reader switches."""
    found = {page_of(entry.name): _activity(register, entry, city, language) for entry in register.entries}
    return {**found, INDEX: _index(register, city, language)}


def cited(line: SecurityLine) -> list[Cited]:
    """Return the verdicts that a security line rests on, those of one control and one outcome together."""
    groups: dict[tuple[str, Outcome | None], list[Proof]] = {}
    for proof in line.proofs:
        groups.setdefault((proof.control, proof.outcome), []).append(proof)
    return [_cited(proofs) for proofs in groups.values()]


def _cited(proofs: list[Proof]) -> Cited:
    one = proofs[0]
    times = [proof.when for proof in proofs if proof.when]
    return Cited(
        control=one.control,
        title=one.title,
        hosts=tuple(proof.host for proof in proofs),
        outcome=one.outcome,
        when=moment(max(times)) if times else told("register-never-date"),
        reasons=tuple(dict.fromkeys(proof.reason for proof in proofs if proof.reason)),
    )


def _index(register: Register, city: City, language: str) -> str:
    title = filled("register-title-of", town=register.label)
    forms = {form: register.of_form(form) for form in ("controller", "processor")}
    page = {
        "unproved": [(each, line) for each in register.entries for line in each.unproved()],
        "broken": [(each, line) for each in register.entries for line in each.broken()],
        "missing": list(_missing(register)),
        "forms": {form: entries for form, entries in forms.items() if entries},
    }
    return _rendered("register.html.j2", title, language, {"register": register, "city": city, **page})


def _activity(register: Register, entry: Entry, city: City, language: str) -> str:
    title = filled("register-activity-title-of", activity=entry.label, town=register.label)
    path: Course = course(city, entry.name)
    page = {
        "entry": entry,
        "activity": city.processing[entry.name],
        "map": activity_map.draw(city, entry),
        "flows": path.flows,
        "unproved": entry.unproved(),
        "broken": entry.broken(),
        "proved": entry.proved(),
    }
    return _rendered("activity.html.j2", title, language, {"register": register, "city": city, **page})


def _rendered(template: str, title: Text, language: str, page: dict[str, Any]) -> str:
    style, script = asset("style.css") + asset("register.css"), asset("speaking.js") + asset("register.js")
    fixed = {
        "language": language,
        "version": __version__,
        "titles": {each: title.of(each) for each in LANGUAGES},
        "style": Markup(style),  # noqa: S704 - our own file
        "script": Markup(script),  # noqa: S704 - our own file
        "policy": content_policy(style, script),
        "page_of": page_of,
        "cited": cited,
        "standing": _standing,
        "values": _values,
        "said": said,
        "INDEX": INDEX,
    }
    return environment().get_template(template).render(fixed | page)


def _standing(standing: Standing) -> Markup:
    return Markup('<span class="sign o-{}"><i aria-hidden="true">{}</i> {}</span>').format(
        _COLOURS[standing], SIGNS[standing], told(f"register-standing-{standing}")
    )


def said(text: Text) -> Markup:
    """Return a text of the register in both languages; these are as long as what they are made of."""
    return both({language: safe(text.of(language)) for language in LANGUAGES})


def _values(content: Content) -> Markup:
    """Return what an entry says of one content: its values, none, or where to declare it."""
    items = Markup("").join(Markup("<li>{}</li>").format(said(value)) for value in content.values)
    shown = Markup('<ul class="plain">{}</ul>').format(items) if content.values else Markup("")
    if content.state == State.NONE:
        key = "register-representative" if content.name == "representative" else "register-none"
        return Markup('<span class="quiet">{}</span>').format(told(key))
    if content.state == State.MISSING:
        return shown + Markup('<p class="lacking"><i aria-hidden="true">✗</i> {}</p>').format(
            told("register-missing", field=content.field, spot=content.spot)
        )
    return shown


def _missing(register: Register) -> Iterator[tuple[tuple[Entry, ...], Content]]:
    """Yield each missing content once, with all the activities whose entries lack it."""
    found: dict[tuple[str, str], list[tuple[Entry, Content]]] = {}
    for entry in register.entries:
        for content in entry.missing():
            found.setdefault((content.field, content.spot), []).append((entry, content))
    for lacking in found.values():
        yield tuple(entry for entry, _ in lacking), lacking[0][1]
