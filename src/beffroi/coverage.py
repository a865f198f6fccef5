"""What a role enforces and its check would not miss: computed by asking the check about other values. Pure.

A role takes its settings and nothing else. So a value of a setting is covered where some other value in its place, with
the same observed facts, no longer passes: then a pass says that the machine holds that value, and the role may be
skipped. A value that could be any other and still pass is enforced unseen. See docs/adr/0014.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from itertools import chain
from typing import Any, Literal, get_origin

from pydantic import BaseModel

from beffroi import kinds
from beffroi.desired import DesiredState
from beffroi.errors import UNREADABLE
from beffroi.kinds import SettingModel
from beffroi.verdict import Frozen, Observation, Outcome, worst

_FINE = frozenset({Outcome.PASS, Outcome.NOT_APPLICABLE})
_OTHER_TEXTS = ("0000", "7777", "other", "/other", "other.service", "192.0.2.254", "0", "65535", "Other")
_OTHER_NUMBERS = (-1, 0, 1, 65535, 10**9)
_NOTHING: tuple[Any, ...] = ("", 0, False, None, (), {})
"""Values that ask for nothing: there is nothing to see."""


class Unseen(Frozen):
    """Values that a role enforces on a machine and that its check does not tell from others, by their names."""

    host: str
    kind: str
    fields: tuple[str, ...]


def coverage(desired: DesiredState, observations: Iterable[Observation]) -> tuple[tuple[Unseen, ...], int]:
    """Return what roles would enforce unseen on the machines observed, and how many pairs of both were asked about.

    Only pairs that pass are asked about: the others are not skipped anyway.
    """
    settings = desired.all_settings()
    found, asked = [], 0
    for observation in observations:
        of_kind = settings.get(observation.host, {}).get(observation.kind, [])
        facts, typed = observation.facts, _typed(observation.kind, of_kind)
        if facts is not None and _passes(observation.kind, typed, facts):
            asked += 1
            if fields := unseen(observation.kind, of_kind, facts):
                found.append(Unseen(host=observation.host, kind=observation.kind, fields=fields))
    return tuple(found), asked


def unseen(kind: str, settings: Sequence[Mapping[str, Any]], facts: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the fields of settings (plain JSON) that no other value would make fail, given what was observed.

    Left out: what names the thing that a setting is about (another name is another setting), what chooses between rules
    (a `Literal` or an enumeration), what asks for nothing, and the kind's `MEANS`, each with its reason there.
    """
    means: Mapping[str, str] = getattr(kinds.load(kind), "MEANS", {})
    seen: dict[str, bool] = {}
    for setting in _typed(kind, settings):
        for name, others in _variations(setting):
            if name not in means and not seen.get(name):
                alike = (it for it in others if _key(it) == _key(setting))
                first = next(alike, None)
                if first is not None:
                    seen[name] = any(not _passes(kind, [other], facts) for other in chain([first], alike))
    return tuple(sorted(name for name, told_apart in seen.items() if not told_apart))


def _typed(kind: str, settings: Sequence[Mapping[str, Any]]) -> list[SettingModel]:
    return [kinds.load(kind).Setting.model_validate(setting) for setting in settings]


def _key(setting: SettingModel) -> str | None:
    try:
        return setting.key
    except UNREADABLE:
        return None


def _passes(kind: str, settings: Sequence[SettingModel], facts: Mapping[str, Any]) -> bool:
    try:
        return worst(kinds.load(kind).judge(settings, dict(facts))) in _FINE
    except UNREADABLE:
        return False


def _variations(model: BaseModel) -> Iterator[tuple[str, Iterator[Any]]]:
    """Yield each value of a model by its dotted name, and the model with other values in its place."""
    for name, field in type(model).model_fields.items():
        value = getattr(model, name)
        if value in _NOTHING or isinstance(value, Enum) or get_origin(field.annotation) is Literal:
            continue
        if isinstance(value, BaseModel):
            for inner, others in _variations(value):
                yield f"{name}.{inner}", (_with(model, name, other) for other in others)
        else:
            yield name, (_with(model, name, other) for other in _others(value))


def _with(model: BaseModel, name: str, value: Any) -> BaseModel:  # noqa: ANN401 - any value of a setting
    return model.model_copy(update={name: value})


def _others(value: Any) -> Iterator[Any]:  # noqa: ANN401 - any value of a setting
    """Yield values of the same sort that differ from `value`."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield from (other for other in _OTHER_NUMBERS if other != value)
    elif isinstance(value, str):
        yield from (other for other in _OTHER_TEXTS if other != value)
    elif isinstance(value, tuple):
        yield from _other_lists(value)
    elif isinstance(value, Mapping):
        yield from ({**value, name: other} for name, held in value.items() for other in _others(held))


def _other_lists(value: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    yield ()
    for place, element in enumerate(value):
        changed: Iterable[Any] = (
            (it for _, others in _variations(element) for it in others)
            if isinstance(element, BaseModel)
            else _others(element)
        )
        yield from ((*value[:place], other, *value[place + 1 :]) for other in changed)
