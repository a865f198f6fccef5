"""The gate's answer as the comment on a pull request or a merge request: GitHub's and GitLab's Markdown. Pure.

Short first: a verdict a town, then what refuses; all else is folded. It stays within what the forge stores, and says
what it leaves out. Its first line is MARKER, by which a later run finds the comment and writes it anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from html import escape

from beffroi.review import Review

from .gate_entry import SIGNS, VERDICT_SIGNS, Entry, Page, Section, counted, place
from .gate_page import page
from .inline import Run, Words, name, plain, told
from .markdown_text import inline

MARKER = "<!-- beffroi-gate -->"
"""The first line of every comment."""

GITHUB_MOST, GITLAB_MOST = 65_536, 1_000_000
"""Characters that a comment may have."""

SHOWN_ENTRIES = 50
"""Entries shown of one section: nobody reads more in a comment."""

_LAST_WORDS, _TOWN_TITLE = 400, 800
"""Characters kept for what is said of all that is left out, and for the name of a section's town."""


def markdown(reviews: Sequence[Review], language: str, *, most: int = GITHUB_MOST) -> str:
    """Return the comment about some towns in `language`, of `most` characters at most (8,000 or more)."""
    pages = [page(review, language) for review in reviews]
    head, told_of = _head(pages, language, most // 2)
    parts = [_Part(section, number, language) for number, each in enumerate(pages) for section in each.sections]
    left = most - len(head) - _LAST_WORDS
    for part in sorted(parts, key=lambda part: not part.section.open):
        left = part.fill(left)
    blocks = [head]
    for number, each in enumerate(pages):
        shown = [part.written() for part in parts if part.town == number and part.kept]
        blocks += [_title(each), *shown] if len(pages) > 1 and shown else shown
    missing = sum(len(part.section.entries) - len(part.kept) for part in parts) + len(pages) - told_of
    if missing:
        blocks.append(inline(counted("pages-left-out", missing, language)))
    return "\n\n".join(blocks) + "\n"


def _head(pages: Sequence[Page], language: str, most: int) -> tuple[str, int]:
    """Return the verdicts, within `most` characters, and the number of towns that they tell."""
    written = "\n".join([MARKER, f"### {inline(told('pages-title', language))}", ""])
    for number, each in enumerate(pages):
        lines = [f"- {VERDICT_SIGNS[each.judgement]} {_strong(each.verdict)}"]
        lines += [f"  - {inline(fact)}" for fact in each.facts]
        if len(written) + sum(map(len, lines)) > most:
            return written, number
        written = "\n".join([written, *lines])
    return written if pages else f"{written}\n{inline(told('pages-no-town', language))}", len(pages)


def _title(page_: Page) -> str:
    return f"### {inline(name(page_.town))}"


@dataclass
class _Part:
    """A section on its way to the comment: the entries that there is room for."""

    section: Section
    town: int
    language: str
    kept: list[str] = field(default_factory=list)

    def fill(self, room: int) -> int:
        """Keep the entries for which there is room, in characters; return the room that is left."""
        frame = len(self._frame([])) + _TOWN_TITLE
        room -= frame
        for each in self.section.entries[:SHOWN_ENTRIES]:
            written = entry(each, self.language)
            if len(written) + 1 > room:
                break
            self.kept.append(written)
            room -= len(written) + 1
        return room if self.kept else room + frame

    def written(self) -> str:
        """Return the section as Markdown, whole: a fold that opens also closes."""
        return self._frame(self.kept)

    def _frame(self, entries: Sequence[str]) -> str:
        more = self._more(len(entries))
        lead = [inline(self.section.lead), ""]
        if self.section.open:
            return "\n".join([f"#### {inline(self.section.title)}", "", *lead, *entries, *more])
        summary = escape(plain(self.section.title), quote=False)
        return "\n".join([f"<details><summary>{summary}</summary>", "", *lead, *entries, *more, "", "</details>"])

    def _more(self, kept: int) -> list[str]:
        left = len(self.section.entries) - kept
        return [f"- {inline(counted('pages-more-entries', left, self.language))}"] if left else []


def entry(each: Entry, language: str) -> str:
    """Return one thing to read as an item of a list."""
    head = [f"- {inline((Run(SIGNS[each.mark]),))}", _strong(each.title) if each.id else inline(each.title)]
    head += [f"· {inline(part)}" for part in _places(each, language)]
    lines = [inline(line) for line in each.lines]
    lines += [f"→ {inline(each.way_out)}"] if each.way_out else []
    return "\n".join([" ".join(head), *(f"  - {line}" for line in lines)])


def _places(entry: Entry, language: str) -> Iterable[Words]:
    if entry.id:
        yield name(entry.id)
    if entry.spot:
        yield place(entry.spot, language)


def _strong(words: Words) -> str:
    text = inline(words).strip()
    return f"**{text}**" if text else ""
