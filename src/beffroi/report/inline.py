"""A line of words in which names are told apart from prose, so that each page can show both without trusting either.

Names come from files that anybody may have written; each is a run of its own from the start, and no page has to find
it again inside a sentence. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from string import Formatter

from beffroi.messages import catalogue

from .visible import shorten

LONGEST_NAME = 200
"""Characters shown of one name or value."""

LONGEST_PROSE = 800
"""Characters shown of one sentence from a file."""


@dataclass(frozen=True)
class Run:
    """Some words: prose, or a name, value or command (`code`) that is shown as it is written."""

    text: str
    code: bool = False


Words = tuple[Run, ...]

Filling = str | int | Words


def told(key: str, language: str, /, **names: Filling) -> Words:
    """Return a message of the catalogue: texts that fill it in become code, numbers and words join its prose.

    What stands between backquotes in the message is code as well, with whatever fills it in.
    """
    writer = _Writer()
    for literal, field, _, _ in Formatter().parse(catalogue(language)[key]):
        writer.prose(literal)
        if field is not None:
            writer.fill(names[field])
    return writer.end()


def prose(text: str) -> Words:
    """Return a sentence from a file; what stands between its backquotes, if they are even, is code."""
    flat = shorten(text, LONGEST_PROSE)
    writer = _Writer()
    if flat.count("`") % 2:
        writer.runs.append(Run(flat))
    else:
        writer.prose(flat)
    return writer.end()


def name(text: str) -> Words:
    """Return a name, a value or a place as words."""
    return (_code(text),)


def joined(parts: Iterable[Words], separator: str = ", ") -> Words:
    """Return some words one after the other."""
    return tuple(_between(parts, Run(separator)))


def plain(words: Words) -> str:
    """Return the words as one line of text without any mark; nothing in it acts on a screen."""
    return "".join(run.text for run in words)


def _between(parts: Iterable[Words], separator: Run) -> Iterator[Run]:
    for position, words in enumerate(parts):
        if position and separator.text:
            yield separator
        yield from words


def _code(text: str) -> Run:
    return Run(shorten(text, LONGEST_NAME) or "∅", code=True)


class _Writer:
    """Gathers runs; a backquote opens and closes code."""

    def __init__(self) -> None:
        self.runs: list[Run] = []
        self.code: list[str] | None = None

    def prose(self, text: str) -> None:
        for position, part in enumerate(text.split("`")):
            if position:
                self._toggle()
            if self.code is not None:
                self.code.append(part)
            elif part:
                self.runs.append(Run(part))

    def fill(self, value: Filling) -> None:
        if self.code is not None:
            self.code.append(plain(value) if isinstance(value, tuple) else str(value))
        elif isinstance(value, tuple):
            self.runs += value
        else:
            self.runs.append(Run(str(value)) if isinstance(value, int) else _code(value))

    def end(self) -> Words:
        if self.code is not None:
            self._toggle()
        return tuple(self.runs)

    def _toggle(self) -> None:
        if self.code is None:
            self.code = []
            return
        self.runs.append(_code("".join(self.code)))
        self.code = None
