"""The gate's answer as one HTML file that asks nothing of the network, in French and in English. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from beffroi import __version__
from beffroi.messages import LANGUAGES, say
from beffroi.review import Review

from .bilingual import both
from .gate_entry import SIGNS, VERDICT_SIGNS, Entry, Mark, Page, Section, counted, place
from .gate_page import page
from .html import asset, content_policy, environment
from .inline import Words, name

SHOWN_ENTRIES = 1_000
"""Entries shown of one section; the others are counted, and JSON has them all."""

_CSS = {
    Mark.REFUSES: "o-fail",
    Mark.DOUBT: "o-error",
    Mark.REMARK: "o-error",
    Mark.REMEDIED: "o-pass",
    Mark.WAIVED: "o-waived",
    Mark.KNOWN: "o-notapplicable",
    Mark.MORE: "change",
    Mark.LESS: "change",
    Mark.OTHER: "change",
}

_Spoken = dict[str, Words]


@dataclass(frozen=True)
class ShownEntry:
    """An entry in both languages."""

    mark: str
    sign: str
    css: str
    title: Markup
    id: Markup | None
    place: Markup | None
    lines: tuple[Markup, ...]
    way_out: Markup | None


@dataclass(frozen=True)
class ShownSection:
    """A section in both languages; `left` says how many entries are not shown."""

    anchor: str
    open: bool
    title: Markup
    lead: Markup
    entries: tuple[ShownEntry, ...]
    left: Markup | None


@dataclass(frozen=True)
class ShownTown:
    """A town's page in both languages."""

    name: str
    judgement: str
    sign: str
    verdict: Markup
    facts: tuple[Markup, ...]
    sections: tuple[ShownSection, ...]


def html(reviews: Sequence[Review], language: str = "fr") -> str:
    """Return the whole page. `language` shows first; the reader switches, or opens it at `#fr` or `#en`."""
    style, script = asset("style.css") + asset("gate.css"), asset("speaking.js")
    towns = [_town(review, number) for number, review in enumerate(reviews)]
    return (
        environment()
        .get_template("gate.html.j2")
        .render(
            language=language,
            titles={each: say("pages-html-title", language=each) for each in LANGUAGES},
            towns=towns,
            version=__version__,
            style=Markup(style),  # noqa: S704 - our own file
            script=Markup(script),  # noqa: S704 - our own file
            policy=content_policy(style, script),
        )
    )


def _town(review: Review, number: int) -> ShownTown:
    pages = {language: page(review, language) for language in LANGUAGES}
    one = pages[LANGUAGES[0]]
    return ShownTown(
        name=one.town,
        judgement=one.judgement.value,
        sign=VERDICT_SIGNS[one.judgement],
        verdict=_both({language: each.verdict for language, each in pages.items()}),
        facts=tuple(
            _both({language: each.facts[index] for language, each in pages.items()}) for index in range(len(one.facts))
        ),
        sections=tuple(_section(pages, index, f"town-{number}") for index in range(len(one.sections))),
    )


def _section(pages: dict[str, Page], index: int, town: str) -> ShownSection:
    versions = {language: each.sections[index] for language, each in pages.items()}
    one = versions[LANGUAGES[0]]
    left = len(one.entries) - SHOWN_ENTRIES
    more = {language: counted("pages-left-out", left, language) for language in LANGUAGES}
    return ShownSection(
        anchor=f"{town}-{one.name}",
        open=one.open,
        title=_both({language: each.title for language, each in versions.items()}),
        lead=_both({language: each.lead for language, each in versions.items()}),
        entries=tuple(_entry(versions, place_) for place_ in range(min(len(one.entries), SHOWN_ENTRIES))),
        left=_both(more) if left > 0 else None,
    )


def _entry(sections: dict[str, Section], index: int) -> ShownEntry:
    versions = {language: each.entries[index] for language, each in sections.items()}
    one = versions[LANGUAGES[0]]

    def spoken(part: Callable[[Entry], Words]) -> Markup:
        return _both({language: part(each) for language, each in versions.items()})

    lines = [_both({language: each.lines[at] for language, each in versions.items()}) for at in range(len(one.lines))]
    spot = one.spot
    return ShownEntry(
        mark=one.mark.value,
        sign=SIGNS[one.mark],
        css=_CSS[one.mark],
        title=spoken(lambda each: each.title),
        id=_markup(name(one.id)) if one.id else None,
        place=_both({language: place(spot, language) for language in versions}) if spot else None,
        lines=tuple(lines),
        way_out=spoken(lambda each: each.way_out or ()) if one.way_out else None,
    )


def _both(versions: _Spoken) -> Markup:
    return both({language: _markup(words) for language, words in versions.items()})


def _markup(words: Words) -> Markup:
    """Return words as HTML: names and commands as code, all of it escaped."""
    return Markup("").join(
        Markup("<code>{}</code>").format(run.text) if run.code else escape(run.text) for run in words
    )
