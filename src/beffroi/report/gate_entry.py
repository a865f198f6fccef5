"""What every page of the gate shows, in one language and before any markup: sections of marked entries. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from beffroi.gate import Judgement
from beffroi.review import Spot

from .inline import Words, joined, name, told

SHOWN_NAMES = 8
"""Names listed one by one in a sentence; the others are counted."""


class Mark(StrEnum):
    """What an entry means, as a sign: no meaning rests on colour."""

    REFUSES = "refuses"
    DOUBT = "doubt"
    REMARK = "remark"
    REMEDIED = "remedied"
    WAIVED = "waived"
    KNOWN = "known"
    MORE = "more"
    LESS = "less"
    OTHER = "other"


SIGNS = {
    Mark.REFUSES: "✗",
    Mark.DOUBT: "?",
    Mark.REMARK: "▲",
    Mark.REMEDIED: "✓",
    Mark.WAIVED: "⚑",
    Mark.KNOWN: "○",
    Mark.MORE: "+",
    Mark.LESS: "\N{MINUS SIGN}",
    Mark.OTHER: "≠",
}

VERDICT_SIGNS = {Judgement.ACCEPTED: "✓", Judgement.REFUSED: "✗", Judgement.UNDECIDED: "?"}


@dataclass(frozen=True)
class Entry:
    """One thing to read: its title, the id of what judged it, where it is written, what to say of it, the way out."""

    mark: Mark
    title: Words
    id: str = ""
    spot: Spot | None = None
    lines: tuple[Words, ...] = ()
    way_out: Words | None = None


@dataclass(frozen=True)
class Section:
    """Entries of one sort under a title. An `open` one is read first, the others stand folded where a page can fold."""

    name: str
    title: Words
    lead: Words
    entries: tuple[Entry, ...]
    open: bool = False


@dataclass(frozen=True)
class Page:
    """One town's review: the verdict in one line, what was compared, and the sections that have something to say."""

    town: str
    judgement: Judgement
    verdict: Words
    facts: tuple[Words, ...]
    sections: tuple[Section, ...]


def place(spot: Spot, language: str) -> Words:
    """Return a file and a line, and whether they are those of the base."""
    return told("pages-place-before" if spot.before else "pages-place", language, place=str(spot))


def names(listed: tuple[str, ...], language: str) -> Words:
    """Return names in a row: the first few, and how many more."""
    shown = joined(name(each) for each in listed[:SHOWN_NAMES])
    left = len(listed) - SHOWN_NAMES
    return told("pages-and-more", language, names=shown, count=left) if left > 0 else shown


def counted(key: str, count: int, language: str) -> Words:
    """Return a count in words, one or many."""
    return told(f"{key}-one" if count == 1 else f"{key}-many", language, count=count)
