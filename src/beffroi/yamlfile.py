"""YAML as a person writes it, read strictly, with the line of everything.

A file is UTF-8, one document, plain: no anchors, aliases, tags, directives, merge keys, tabs or control characters,
no key twice. Unquoted scalars keep the plainest part of the YAML 1.2 core schema: `true`, `false`, `null`, decimal
numbers; all else is text. So `no`, `on`, `0750`, `12:30` and `2026-01-31` are the text that they look like
(YAML 1.1 makes them a boolean, a boolean, 488, 750 and an object); the models turn an ISO date into a date.
"""

from __future__ import annotations

import codecs
import errno
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import yaml
from pydantic import BaseModel, ValidationError

from beffroi.errors import InvalidCity, Problem
from beffroi.explain import explain
from beffroi.fieldpath import FieldPath, dotted, nearest, visible
from beffroi.messages import say

MAX_BYTES = 2_000_000
"""The size of file that is still read; the reference city holds in a fiftieth of it."""

MAX_DEPTH = 32
MAX_NODES = 200_000
MAX_NUMBER_LENGTH = 15
"""Digits that a JSON number keeps exactly (RFC 8259 section 6)."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
_UNSEEN = re.compile(
    "[\\x00-\\x09\\x0b-\\x1f\\x7f-\\x9f\\u2028-\\u202e\\u2066-\\u2069\\ud800-\\udfff\\ufeff\\ufffe\\uffff]"
)
"""Control characters, line separators, bidirectional overrides, byte order marks: with them a file can lie."""

_WORDS: dict[str, object] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("null", "Null", "NULL", "~", "")),
}
_SYNTAX = {
    "mapping values are not allowed in this context": "yaml-colon",
    "could not find expected ':'": "yaml-no-colon",
    "found character that cannot start any token": "yaml-odd-start",
    "did not find expected key": "yaml-indentation",
    "did not find expected '-' indicator": "yaml-indentation",
    "found unexpected end of stream": "yaml-unclosed-quote",
    "did not find expected ',' or ']'": "yaml-unclosed-bracket",
    "did not find expected ',' or '}'": "yaml-unclosed-bracket",
}


class Span(NamedTuple):
    """Where a scalar is written, quotes included: its line, its first column and the one after its last, from 1.

    Columns count characters. An editor may put another scalar exactly there.
    """

    line: int
    column: int
    end: int


@dataclass(frozen=True)
class Document:
    """One YAML file: its value, the line of each field, and where each scalar that one line holds is written."""

    file: str
    value: Any
    lines: dict[FieldPath, int]
    spans: dict[FieldPath, Span] = field(default_factory=dict)

    def mapping(self) -> dict[str, Any]:
        """Return the top-level mapping; raise InvalidCity when the file holds something else."""
        if isinstance(self.value, dict):
            return self.value
        key = "yaml-empty" if self.value is None else "yaml-not-mapping"
        raise InvalidCity([self.problem((), say(key), say(f"{key}-hint"))])

    def problem(self, path: FieldPath, reason: str, hint: str) -> Problem:
        """Return a problem located at `path`, or at its nearest known ancestor."""
        line = self.lines.get(nearest(path, self.lines), 1)
        return Problem(self.file, line, dotted(path), reason, hint)

    def problems(
        self, error: ValidationError, prefix: FieldPath = (), model: type[BaseModel] | None = None
    ) -> list[Problem]:
        """Return pydantic's errors as located problems, in the reader's language.

        `prefix` is where in the document the value stood that pydantic was given. With its `model`, a misspelt
        field is answered with the nearest right one.
        """
        return [self.problem(*mistake) for mistake in explain(error, known=self.lines, prefix=prefix, model=model)]


def read(path: Path, *, shown_as: str, within: Path | None = None) -> Document:
    """Read one file; raise InvalidCity (located) for whatever is not plain, unambiguous YAML of a sane size.

    `shown_as` is the file's name in problems. A path that leads out of `within` through a symbolic link is refused.
    """
    shown = visible(shown_as)
    if within is not None and not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(within)):
        raise _refused(shown, "yaml-outside")
    reader = _Reader(shown)
    value = reader.document(_text(_bytes(path, shown), shown))
    if reader.problems:
        raise InvalidCity(reader.problems)
    return Document(shown, value, reader.lines, reader.spans)


def _refused(shown: str, key: str, line: int = 1, path: FieldPath = (), /, **names: Any) -> InvalidCity:  # noqa: ANN401 - say() takes anything
    return InvalidCity([Problem(shown, line, dotted(path), say(key, **names), say(f"{key}-hint", **names))])


def _bytes(path: Path, shown: str) -> bytes:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise _refused(shown, "yaml-not-a-file")
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as error:
        keys = {errno.ENOENT: "yaml-missing", errno.EACCES: "yaml-unreadable"}
        key = keys.get(error.errno or 0, "yaml-not-opened")
        raise _refused(shown, key, cause=os.strerror(error.errno or 0)) from error
    if len(content) > MAX_BYTES:
        megabytes = f"{max(status.st_size, len(content)) / 1e6:.1f}"
        raise _refused(shown, "yaml-too-large", size=megabytes, limit=MAX_BYTES // 1_000_000)
    return content


def _text(content: bytes, shown: str) -> str:
    """Return the file's text with Unix line ends; refuse what is not plain UTF-8."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in content[:4]:
        raise _refused(shown, "yaml-utf16")
    if content.startswith(codecs.BOM_UTF8):
        raise _refused(shown, "yaml-byte-order-mark")
    try:
        text = content.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _refused(shown, "yaml-not-utf8", line, byte=f"0x{content[error.start]:02x}") from error
    unseen = _UNSEEN.search(text)
    if unseen:
        line = text.count("\n", 0, unseen.start()) + 1
        key = "yaml-tab" if unseen[0] == "\t" else "yaml-control"
        raise _refused(shown, key, line, char=f"U+{ord(unseen[0]):04X}")
    return text


class _Reader:
    """Builds the value from libyaml's events, so that nothing is resolved or expanded behind our back."""

    def __init__(self, shown: str) -> None:
        self.shown = shown
        self.lines: dict[FieldPath, int] = {}
        self.spans: dict[FieldPath, Span] = {}
        self.problems: list[Problem] = []
        self._path: FieldPath = ()
        self._seen_once: set[str] = set()

    def document(self, text: str) -> Any:  # noqa: ANN401 - whatever the file holds
        """Return the one document's value; its problems and the lines of its fields are in the attributes."""
        events = yaml.parse(text, Loader=_LOADER)
        try:
            return self._document(events)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            key = _SYNTAX.get(error.problem or "", "yaml-syntax")
            self._stop(key, mark.line + 1 if mark else 1, detail=visible(error.problem or ""))

    def _document(self, events: Iterator[yaml.Event]) -> Any:  # noqa: ANN401 - see above
        value, documents = None, 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._path = ()
                    self._stop("yaml-documents", _line(event))
                if event.version or event.tags:
                    self._once("yaml-directive", 1)
            elif isinstance(event, yaml.NodeEvent):
                value = self._node(event, events, ())
        return value

    def _node(self, event: yaml.Event, events: Iterator[yaml.Event], path: FieldPath) -> Any:  # noqa: ANN401
        self._path = path
        self.lines.setdefault(path, _line(event))
        if len(path) > MAX_DEPTH:
            self._stop("yaml-too-deep", _line(event), limit=MAX_DEPTH)
        if len(self.lines) > MAX_NODES:
            self._stop("yaml-too-many", _line(event), limit=MAX_NODES)
        if anchor := getattr(event, "anchor", None):
            self._once("yaml-anchor", _line(event), name=visible(anchor))
        if tag := getattr(event, "tag", None):
            self._once("yaml-tag", _line(event), tag=visible(tag.replace("tag:yaml.org,2002:", "!!")))
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(events, path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(events, path)
        return self._scalar(event, path) if isinstance(event, yaml.ScalarEvent) else None

    def _mapping(self, events: Iterator[yaml.Event], path: FieldPath) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            key = self._key(event, path)
            here = (*path, key)
            if key in mapping:
                self._path = here
                self._note("yaml-twice", _line(event), first=self.lines[here], key=visible(key))
            self.lines.setdefault(here, _line(event))
            mapping[key] = self._node(next(events), events, here)
        return mapping

    def _key(self, event: yaml.Event, path: FieldPath) -> str:
        if not isinstance(event, yaml.ScalarEvent) or event.tag or event.anchor:
            self._stop("yaml-key", _line(event))
        if event.implicit[0] and event.value in ("", "<<"):
            self._stop("yaml-merge" if event.value else "yaml-key", _line(event))
        self._path = path
        self._refuse_unseen(event)
        return str(event.value)

    def _sequence(self, events: Iterator[yaml.Event], path: FieldPath) -> list[Any]:
        items: list[Any] = []
        for event in events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            items.append(self._node(event, events, (*path, len(items))))
        return items

    def _scalar(self, event: yaml.ScalarEvent, path: FieldPath) -> Any:  # noqa: ANN401 - text, number, boolean or null
        self._refuse_unseen(event)
        start, end = event.start_mark, event.end_mark
        if start and end and start.line == end.line and start.column < end.column:
            self.spans[path] = Span(start.line + 1, start.column + 1, end.column + 1)
        text = str(event.value)
        if not event.implicit[0]:
            return text
        if text in _WORDS:
            return _WORDS[text]
        number = _NUMBER.fullmatch(text)
        if not number:
            return text
        if len(text.strip("-.")) > MAX_NUMBER_LENGTH:
            self._note("yaml-number", _line(event), value=visible(text))
            return None
        return float(text) if number[2] else int(text)

    def _refuse_unseen(self, event: yaml.ScalarEvent) -> None:
        """Refuse what an escape between double quotes smuggles past the look at the file's text."""
        unseen = _UNSEEN.search(event.value)
        if unseen:
            self._note("yaml-control", _line(event), char=f"U+{ord(unseen[0]):04X}")

    def _note(self, key: str, line: int, /, **names: object) -> None:
        self.problems += _refused(self.shown, key, line, self._path, **names).problems

    def _once(self, key: str, line: int, /, **names: object) -> None:
        if key not in self._seen_once:
            self._seen_once.add(key)
            self._note(key, line, **names)

    def _stop(self, key: str, line: int, /, **names: object) -> NoReturn:
        self._note(key, line, **names)
        raise InvalidCity(self.problems)


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1
