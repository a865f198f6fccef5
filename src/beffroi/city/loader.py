"""Reads a town's folder: one file or several, merged into one city, every mistake located."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from beffroi import yamlfile
from beffroi.city.checks import Mistake, mistakes_in
from beffroi.city.model import City
from beffroi.errors import InvalidCity, Problem
from beffroi.explain import explain
from beffroi.fieldpath import WHOLE_FILE, FieldPath, dotted, nearest, visible
from beffroi.messages import say
from beffroi.yamlfile import Span

NOT_THE_CITY = frozenset({"waivers.yml"})
"""Files of a town's folder that another part reads."""


@dataclass(frozen=True, order=True)
class Place:
    """A line of a file."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True)
class Loaded:
    """A city, the place where each of its fields is written, and the columns of its scalars."""

    city: City
    places: Mapping[FieldPath, Place]
    spans: Mapping[FieldPath, Span] = field(default_factory=dict)

    def where(self, path: FieldPath) -> str:
        """Return `file:line` of `path`, or of its nearest written ancestor.

        >>> loaded.where(("hosts", "db", "interfaces"))  # doctest: +SKIP
        'inventory/bourg-sur-gave/hosts.yml:42'
        """
        return str(self.places[nearest(path, self.places)])


def load_city(folder: Path) -> City:
    """Read the town in `folder`; raise InvalidCity with all the problems found."""
    return load(folder).city


def load(folder: Path, *, shown_as: str | None = None) -> Loaded:
    """Read the town in `folder` and keep the lines; raise InvalidCity with all the problems found.

    Every `*.yml` of the folder is read, in the order of the names; entries of one section may stand in several files.
    `shown_as` is the folder's name in problems and places, by default as given.
    """
    draft = _Draft(folder.as_posix() if shown_as is None else shown_as)
    for path in _files(folder, draft):
        draft.add(path, folder)
    draft.stop_if_wrong()
    try:
        city = City.model_validate(draft.value, by_alias=True, by_name=False)
    except ValidationError as error:
        mistakes = explain(error, known=draft.places, model=City)
        raise InvalidCity([draft.problem(*mistake) for mistake in mistakes]) from error
    draft.problems += [draft.judged(mistake) for mistake in mistakes_in(city)]
    draft.stop_if_wrong()
    return Loaded(city, draft.places, draft.spans)


def _files(folder: Path, draft: _Draft) -> list[Path]:
    if not folder.is_dir():
        raise InvalidCity([draft.about(folder, "town-no-folder", folder=True)])
    paths = sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    draft.problems += [draft.about(path, "town-yaml-suffix") for path in paths if path.suffix.lower() == ".yaml"]
    files = [path for path in paths if path.suffix == ".yml" and path.name not in NOT_THE_CITY]
    if not files:
        raise InvalidCity(draft.problems or [draft.about(folder, "town-no-file", folder=True)])
    return files


def _moved(path: FieldPath, offset: int) -> FieldPath:
    """Return `path` with its position in a top-level list moved, where the list continues another file's."""
    if offset and len(path) > 1:
        return (path[0], int(path[1]) + offset, *path[2:])
    return path


@dataclass
class _Draft:
    """The town's sections as they are gathered, file after file."""

    shown: str
    value: dict[str, Any] = field(default_factory=dict)
    places: dict[FieldPath, Place] = field(default_factory=dict)
    spans: dict[FieldPath, Span] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def add(self, path: Path, folder: Path) -> None:
        """Merge one file; its mistakes join the others."""
        try:
            document = yamlfile.read(path, shown_as=self._shown(path), within=folder)
            sections = document.mapping()
        except InvalidCity as error:
            self.problems += error.problems
            return
        self.places.setdefault((), Place(document.file, 1))
        kept: dict[FieldPath, int] = {}
        for name, section in sections.items():
            kept.update(self._merge(name, section, document))
        for here, line in document.lines.items():
            start = here[:1] if here[:1] in kept else here[:2]
            if start in kept:
                moved = _moved(here, kept[start])
                self.places.setdefault(moved, Place(document.file, line))
                if here in document.spans:
                    self.spans.setdefault(moved, document.spans[here])

    def _shown(self, path: Path) -> str:
        return path.name if self.shown == "." else f"{self.shown}/{path.name}"

    def _merge(self, name: str, section: Any, document: yamlfile.Document) -> dict[FieldPath, int]:  # noqa: ANN401
        """Merge one section; return the paths whose lines are to be kept, with what is added to a list's positions."""
        if name not in self.value:
            self.value[name] = dict(section) if isinstance(section, dict) else section
            return {(name,): 0}
        known = self.value[name]
        if isinstance(known, list) and isinstance(section, list):
            self.value[name] = known + section
            return {(name,): len(known)}
        if not (isinstance(known, dict) and isinstance(section, dict)):
            self._twice((name,), document)
            return {}
        fresh = {key: entry for key, entry in section.items() if key not in known}
        known.update(fresh)
        for key in section.keys() - fresh.keys():
            self._twice((name, key), document)
        return {(name, key): 0 for key in fresh}

    def _twice(self, path: FieldPath, document: yamlfile.Document) -> None:
        reason = say("town-twice", name=visible(str(path[-1])), first=self.places[path])
        self.problems.append(document.problem(path, reason, say("town-twice-hint")))

    def problem(self, path: FieldPath, reason: str, hint: str) -> Problem:
        """Return a problem located at `path`, or at its nearest written ancestor."""
        place = self.places[nearest(path, self.places)]
        return Problem(place.file, place.line, dotted(path), reason, hint)

    def judged(self, mistake: Mistake) -> Problem:
        """Return a cross-check's mistake as a located problem."""
        other = "" if mistake.other is None else str(self.places[nearest(mistake.other, self.places)])
        return self.problem(mistake.path, mistake.reason(other), mistake.hint())

    def about(self, path: Path, key: str, *, folder: bool = False) -> Problem:
        """Return a problem about a whole file, or about the town's folder."""
        name = visible(self.shown if folder else self._shown(path))
        return Problem(name, 1, WHOLE_FILE, say(key), say(f"{key}-hint"))

    def stop_if_wrong(self) -> None:
        """Raise InvalidCity when problems were found."""
        if self.problems:
            raise InvalidCity(self.problems)
