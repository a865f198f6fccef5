"""The gate's answer as an engineer reads it in a terminal: what refuses first, the verdict last.

Colour and width are the console's affair (rich obeys NO_COLOR and COLUMNS). Nothing from a file acts on the terminal.
Pure but for the console that it is given.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Literal

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from beffroi.gate import Judgement
from beffroi.review import Review

from .gate_entry import SIGNS, VERDICT_SIGNS, Entry, Mark, Page, Section, counted, place
from .gate_page import page
from .inline import Words, name, told

SHOWN_ENTRIES = 100
"""Entries shown of one section; the others are counted, and JSON has them all."""

_STYLES = {
    Mark.REFUSES: "bold red",
    Mark.DOUBT: "bold yellow",
    Mark.REMARK: "yellow",
    Mark.REMEDIED: "green",
    Mark.WAIVED: "magenta",
    Mark.KNOWN: "dim",
    Mark.MORE: "blue",
    Mark.LESS: "blue",
    Mark.OTHER: "blue",
}
_VERDICTS = {Judgement.ACCEPTED: "bold green", Judgement.REFUSED: "bold red", Judgement.UNDECIDED: "bold yellow"}


def render(reviews: Sequence[Review], console: Console, language: str) -> None:
    """Print what there is to read about some towns, then one verdict a town."""
    pages = [page(review, language) for review in reviews]
    for each in pages:
        console.print(Group(*_page(each, language)))
    for each in pages:
        console.print(_text(each.verdict, _VERDICTS[each.judgement], sign=VERDICT_SIGNS[each.judgement]))
    if not pages:
        console.print(_text(told("pages-no-town", language)))


def terminal(reviews: Sequence[Review], language: str, width: int, *, colours: bool = False) -> str:
    """Return what `render` prints on a terminal of `width` columns."""
    file = io.StringIO()
    system: Literal["standard"] | None = "standard" if colours else None
    render(reviews, Console(file=file, width=width, force_terminal=colours, color_system=system), language)
    return file.getvalue()


def _page(each: Page, language: str) -> Iterator[RenderableType]:
    yield _text(name(each.town), "bold")
    for fact in each.facts:
        yield _text(fact, "dim")
    for section in each.sections:
        yield from _section(section, language)
    yield Text("")


def _section(section: Section, language: str) -> Iterator[RenderableType]:
    yield Text("")
    yield _text(section.title, "bold")
    for entry in section.entries[:SHOWN_ENTRIES]:
        yield from _entry(entry, language)
    left = len(section.entries) - SHOWN_ENTRIES
    if left > 0:
        yield _indented(_text(counted("pages-more-entries", left, language), "dim"), 2)


def _entry(entry: Entry, language: str) -> Iterator[RenderableType]:
    head = _text(entry.title, "bold" if entry.id else "", sign=SIGNS[entry.mark], sign_style=_STYLES[entry.mark])
    if entry.id:
        head.append("  ").append_text(_text(name(entry.id), "dim"))
    yield _indented(head, 2)
    if entry.spot:
        yield _indented(_text(place(entry.spot, language), "cyan"), 4)
    for line in entry.lines:
        yield _indented(_text(line), 4)
    if entry.way_out:
        yield _indented(_text(entry.way_out, "green", sign="→", sign_style="green"), 4)


def _text(words: Words, style: str = "", *, sign: str = "", sign_style: str = "") -> Text:
    text = Text(f"{sign} " if sign else "", style=sign_style or style)
    for run in words:
        text.append(run.text, style=f"{style} bold".strip() if run.code else style)
    return text


def _indented(part: RenderableType, columns: int) -> Padding:
    return Padding(part, (0, 0, 0, columns), expand=False)
