"""Pydantic's errors in a town's own words: for each, the field, the reason and the way out."""

from __future__ import annotations

import re
import types
from collections.abc import Container, Iterator, Mapping
from difflib import get_close_matches
from ipaddress import ip_network
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from beffroi.city.machines import AbsolutePath, UnixName
from beffroi.city.net import Port
from beffroi.city.processing import Country, Duration
from beffroi.city.words import Line, Name
from beffroi.fieldpath import FieldPath, nearest, visible
from beffroi.messages import say

Mistake = tuple[FieldPath, str, str]
"""A field, the reason and the way out."""


def _pattern(word: Any) -> str:  # noqa: ANN401 - an Annotated type
    return next(str(part.pattern) for part in word.__metadata__ if getattr(part, "pattern", None))


_WANTED = {
    _pattern(Name): "name",
    _pattern(Line): "line",
    _pattern(Duration): "duration",
    _pattern(Country): "country",
    _pattern(Port): "port",
    _pattern(UnixName): "unix-name",
    _pattern(AbsolutePath): "path",
    r"^0[0-7]{3}$": "mode",
    r"^[a-z0-9-]+(/[a-z0-9-]+)*$": "id",
}
"""What each known pattern is called, for people who do not read regular expressions."""

_LISTED = 12
"""How many choices a hint lists."""

_KEYS = {
    "missing": "field-missing",
    "extra_forbidden": "field-unknown",
    "string_type": "not-text",
    "string_too_long": "too-long",
    "string_too_short": "text-empty",
    "int_type": "not-whole-number",
    "int_parsing": "not-whole-number",
    "int_from_float": "not-whole-number",
    "float_type": "not-number",
    "float_parsing": "not-number",
    "bool_type": "not-flag",
    "bool_parsing": "not-flag",
    "dict_type": "not-mapping",
    "model_type": "not-mapping",
    "model_attributes_type": "not-mapping",
    "tuple_type": "not-list",
    "list_type": "not-list",
    "set_type": "not-list",
    "too_short": "too-few",
    "too_long": "too-many",
    "greater_than_equal": "below",
    "greater_than": "not-above",
    "less_than_equal": "above",
    "less_than": "not-below",
    "address_not_written": "address",
    "ip_v4_address": "address-v4",
    "ip_v6_address": "address-v6",
    "network_not_written": "network",
    "ip_v4_network": "network-v4",
    "ip_v6_network": "network-v6",
    "date_not_written": "day",
    "date_type": "day",
    "date_parsing": "day",
    "date_from_datetime_parsing": "day",
    "waiver_about_one": "waiver-about-one",
}


def explain(
    error: ValidationError, *, known: Container[FieldPath], prefix: FieldPath = (), model: type[BaseModel] | None = None
) -> list[Mistake]:
    """Return what `error` found, one mistake a field.

    `known` are the fields that the document holds: pydantic's own steps (a union's branches, `[key]`) are not among
    them and are left out. `prefix` is where the validated value stood; `model` lets misspelt fields be guessed.
    """
    mistakes: dict[FieldPath, Mistake] = {}
    guessed: set[FieldPath] = set()
    for found in error.errors(include_url=False):
        loc = tuple(found["loc"])
        path = nearest((*prefix, *loc), known)
        if found["type"] == "missing":
            path = (*path, loc[-1])
        if found["type"] == "extra_forbidden":
            fields = [name for name in _fields_at(model, loc) if (*path[:-1], name) not in known]
            guessed.update((*path[:-1], guess) for guess in _nearest_word(str(loc[-1]), fields))
            hint = suggestion(str(loc[-1]), fields) if fields else say("wrong-field-unknown-hint")
            mistakes[path] = (path, say("wrong-field-unknown"), hint)
        else:
            mistakes.setdefault(path, (path, *_words(found, loc)))
    return [mistake for path, mistake in mistakes.items() if path not in guessed]


def _words(found: Mapping[str, Any], loc: FieldPath) -> tuple[str, str]:
    kind, value = str(found["type"]), found["input"]
    context = found.get("ctx", {})
    names = {"value": _shown(value), "field": visible(str(loc[-1])) if loc else "", **context}
    if kind in ("literal_error", "enum") and value is not None:
        choices = re.findall(r"'([^']*)'", str(context["expected"]))
        return say("wrong-choice", **names), suggestion(str(value), choices)
    key = _key(kind, value, context)
    if key == "network-host-bits":
        names["network"] = _without_host_bits(kind, value)
    return _pair(key, {**names, "detail": visible(str(found["msg"]))})


def _key(kind: str, value: object, context: Mapping[str, Any]) -> str:
    if value is None and kind != "missing":
        return "field-empty"
    if kind == "string_pattern_mismatch":
        return _wrong_form(str(context["pattern"]), value)
    if _without_host_bits(kind, value):
        return "network-host-bits"
    return _KEYS.get(kind, "other")


def _pair(key: str, names: Mapping[str, Any]) -> tuple[str, str]:
    return say(f"wrong-{key}", **names), say(f"wrong-{key}-hint", **names)


def _wrong_form(pattern: str, value: object) -> str:
    wanted = _WANTED.get(pattern)
    if wanted == "duration" and re.fullmatch(r"[0-9.]+", str(value)):
        return "duration-unit"
    return wanted or "form"


def suggestion(written: str, choices: list[str]) -> str:
    """Return the hint for a word that is none of `choices`: the nearest one, else all of them, else none exist yet."""
    near = _nearest_word(written, choices)
    if near:
        return say("hint-did-you-mean", choice=visible(near[0]))
    if not choices:
        return say("hint-no-choices")
    listed = [visible(choice) for choice in sorted(choices)[:_LISTED]]
    more = ", …" if len(choices) > _LISTED else ""
    return say("hint-choices", choices=", ".join(listed) + more)


def _shown(value: object) -> str:
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, dict):
        return "{…}"
    if isinstance(value, list | tuple):
        return "[…]"
    return visible(str(value).lower() if isinstance(value, bool) else str(value))


def _nearest_word(written: str, choices: list[str]) -> list[str]:
    return get_close_matches(written[:80], choices, n=1)


def _without_host_bits(kind: str, value: object) -> str | None:
    """Return the network that `value` stands in, when it is of the family that `kind` of error is about."""
    try:
        network = ip_network(str(value), strict=False)
    except ValueError:
        return None
    return str(network) if kind == f"ip_v{network.version}_network" else None


def _fields_at(model: type[BaseModel] | None, loc: FieldPath) -> Iterator[str]:
    """Yield the names of the fields that may stand at the last step of `loc`."""
    current: Any = model
    for step in loc[:-1]:
        current = _inside(current, step)
    if isinstance(current, type) and issubclass(current, BaseModel):
        for name, field in current.model_fields.items():
            yield field.alias or name


def _inside(annotation: Any, step: str | int) -> Any:  # noqa: ANN401 - types at run time
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        fields = {field.alias or name: field for name, field in annotation.model_fields.items()}
        return _bare(fields[str(step)].annotation) if step in fields else None
    inner = [argument for argument in get_args(annotation) if argument is not Ellipsis]
    return _bare(inner[-1]) if inner else None


def _bare(annotation: Any) -> Any:  # noqa: ANN401 - types at run time
    """Return the annotation without `Annotated` and without `| None`."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        kept = [argument for argument in get_args(annotation) if argument is not type(None)]
        return _bare(kept[0])
    return annotation
