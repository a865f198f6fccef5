"""A City component's inputs, read back into the town that they declare. Nothing is guessed.

What is not known yet, hidden as a secret, or not of the model's shape makes the town unreadable: no policy is then said
to hold.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pydantic import ValidationError

from beffroi.city import City
from beffroi.city.checks import mistakes_in
from beffroi.city.words import Declared
from beffroi.components.declared import DECLARATION, WAIVERS
from beffroi.explain import explain
from beffroi.fieldpath import FieldPath, dotted
from beffroi.messages import say
from beffroi.provider.wire import secret_paths, unknown_paths
from beffroi.waiver import Waiver

M = TypeVar("M", bound=Declared)


@dataclass(frozen=True)
class Trouble:
    """What does not hold in a declaration: the field, the reason and the way out, in the reader's language."""

    path: FieldPath
    reason: str
    hint: str


@dataclass(frozen=True)
class Town:
    """What a City declares: the town, what it lets pass for a time, and what does not hold between its parts."""

    city: City
    waivers: tuple[Waiver, ...]
    troubles: tuple[Trouble, ...] = ()


class Unreadable(Exception):
    """The inputs are no town; `troubles` lists all that was found."""

    def __init__(self, troubles: Sequence[Trouble]) -> None:
        super().__init__(f"{len(troubles)} troubles")
        self.troubles = troubles


class _Waivers(Declared):
    waivers: tuple[Waiver, ...] = ()


def read(inputs: Mapping[str, object], ignored: Sequence[str] = ()) -> Town:
    """Return the town of a City's inputs, as `provider.wire` reads them; raise Unreadable.

    `ignored` are the inputs whose changes the program ignores: the engine puts older values in their place.
    """
    hidden = list(_hidden(inputs, ignored))
    if hidden:
        raise Unreadable(hidden)
    city = _modelled(City, _object(inputs[DECLARATION]))
    waivers = _modelled(_Waivers, {WAIVERS: inputs.get(WAIVERS, ())}).waivers
    mistakes = [Trouble(it.path, it.reason(dotted(it.other or ())), it.hint()) for it in mistakes_in(city)]
    return Town(city, waivers, tuple(mistakes))


def _object(text: object) -> object:
    try:
        return json.loads(text) if isinstance(text, str) else text
    except (ValueError, RecursionError) as error:
        words = say("pack-not-json", error=str(error))
        raise Unreadable([Trouble((DECLARATION,), words, say("pack-not-json-hint"))]) from error


def _modelled(model: type[M], value: object) -> M:
    try:
        return model.model_validate(value, by_alias=True, by_name=False)
    except ValidationError as error:
        mistakes = explain(error, known=set(_paths(value)), model=model)
        raise Unreadable([Trouble(*mistake) for mistake in mistakes]) from error


def _hidden(inputs: Mapping[str, object], ignored: Sequence[str]) -> Iterator[Trouble]:
    if inputs.get(DECLARATION) is None:
        yield Trouble((), say("pack-empty"), say("pack-empty-hint"))
    if ignored:
        yield Trouble((), say("pack-ignored", fields=", ".join(ignored)), say("pack-ignored-hint"))
    for path in unknown_paths(dict(inputs)):
        yield Trouble(path, say("pack-unknown"), say("pack-unknown-hint"))
    for path in secret_paths(dict(inputs)):
        yield Trouble(path, say("pack-secret"), say("pack-secret-hint"))


def _paths(value: object, at: FieldPath = ()) -> Iterator[FieldPath]:
    yield at
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _paths(item, (*at, str(name)))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _paths(item, (*at, index))
