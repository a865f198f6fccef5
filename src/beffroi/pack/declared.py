"""A City component's inputs, read back into the town that they declare. Nothing is guessed.

What is not known yet, hidden as a secret, or not of the model's shape makes the town unreadable: no policy is then said
to hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from beffroi.city import City
from beffroi.city.checks import mistakes_in
from beffroi.city.words import Declared
from beffroi.components.declared import WAIVERS
from beffroi.explain import explain
from beffroi.fieldpath import FieldPath, dotted
from beffroi.messages import say
from beffroi.provider.wire import secret_paths, unknown_paths
from beffroi.waiver import Waiver


@dataclass(frozen=True)
class Trouble:
    """What does not hold in a declaration: the field, the reason and the way out, in the reader's language."""

    path: FieldPath
    reason: str
    hint: str


@dataclass(frozen=True)
class Town:
    """What a City component declares: the town, what it lets pass for a time, and what does not hold between its parts."""

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
    sections = {name: value for name, value in inputs.items() if name != WAIVERS}
    known = set(_paths(inputs))
    try:
        city = City.model_validate(sections, by_alias=True, by_name=False)
        waivers = _Waivers.model_validate({WAIVERS: inputs.get(WAIVERS, ())}).waivers
    except ValidationError as error:
        model = City if error.title == City.__name__ else _Waivers
        raise Unreadable([Trouble(*mistake) for mistake in explain(error, known=known, model=model)]) from error
    mistakes = [Trouble(it.path, it.reason(dotted(it.other or ())), it.hint()) for it in mistakes_in(city)]
    return Town(city, waivers, tuple(mistakes))


def _hidden(inputs: Mapping[str, object], ignored: Sequence[str]) -> Iterator[Trouble]:
    if not inputs:
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
