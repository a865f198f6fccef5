"""What an inputs model says of its properties: which are secret, which replace the object, which form is canonical.

A pattern is a path in which `"*"` stands for any key or index: `("users", "*", "password")`. Flags are read from
`json_schema_extra`, at any depth: models in models, in lists and in dictionaries.
"""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from beffroi.provider.wire import UNKNOWN, Path, Secret, secret_paths, unknown_paths

Pattern = tuple[str, ...]
ANY = "*"


@cache
def patterns(model: type[BaseModel], flag: str) -> frozenset[Pattern]:
    """Return where `model` raises `flag` ("secret" or "replace") in a field's `json_schema_extra`."""
    return frozenset(_flagged(model, flag, ()))


def _flagged(model: type[BaseModel], flag: str, at: Pattern) -> Iterator[Pattern]:
    for name, field in model.model_fields.items():
        here = (*at, field.alias or name)
        extra = field.json_schema_extra
        if isinstance(extra, dict) and extra.get(flag):
            yield here
        else:
            yield from _flagged_inside(field.annotation, flag, here)


def _flagged_inside(annotation: object, flag: str, at: Pattern) -> Iterator[Pattern]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from _flagged(annotation, flag, at)
        return
    origin = get_origin(annotation)
    for inner in get_args(annotation):
        if origin is Annotated or origin in (Union, types.UnionType):
            yield from _flagged_inside(inner, flag, at)
        elif isinstance(origin, type):
            yield from _flagged_inside(inner, flag, (*at, ANY))


def covers(pattern: Pattern, path: Path) -> bool:
    """Tell whether `path` stands at, above or under a place that `pattern` names."""
    return all(wanted in (ANY, str(step)) for wanted, step in zip(pattern, path, strict=False))


def seal(properties: Mapping[str, object], secret: Iterable[Pattern], like: object = None) -> dict[str, object]:
    """Return `properties` with a `Secret` wherever a pattern says so, and wherever `like` holds one already.

    A program may mark as secret what the model does not; `like` carries its marks over to values read back.
    """
    places = {*secret, *(tuple(map(str, path)) for path in secret_paths(like) if path)}
    return {name: _seal(value, (name,), places) for name, value in properties.items()}


def _seal(value: object, at: Path, places: Iterable[Pattern]) -> object:
    if isinstance(value, Secret) or value is None:
        return value
    if any(len(place) <= len(at) and covers(place, at) for place in places):
        return Secret(value)
    if isinstance(value, dict):
        return {name: _seal(item, (*at, name), places) for name, item in value.items()}
    if isinstance(value, list):
        return [_seal(item, (*at, index), places) for index, item in enumerate(value)]
    return value


def settle(model: type[BaseModel], properties: Mapping[str, object]) -> dict[str, object]:
    """Return `properties` in the canonical form of `model`: its defaults filled in, each value as its type writes it.

    Works around unknowns and keeps secrets where they are, so that a preview compares like with like. Values that
    the model refuses are kept as they came: validation reports them. A null that stands there stays.
    """
    settled = {name: value for name, value in properties.items() if name not in _names(model)}
    for name, field in model.model_fields.items():
        key = field.alias or name
        if key in properties or name in properties:
            value = properties.get(key, properties.get(name))
            settled[key] = _settle(_annotation(field), value, _adapter(model, name))
        elif (default := field.get_default(call_default_factory=True)) not in (None, PydanticUndefined):
            settled[key] = _written(_adapter(model, name), default)
    return settled


@cache
def _names(model: type[BaseModel]) -> frozenset[str]:
    return frozenset(spelling for name, field in model.model_fields.items() for spelling in (name, field.alias or name))


def _annotation(field: FieldInfo) -> Any:  # noqa: ANN401 - a type form, which no annotation can name before PEP 747
    return Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation


@cache
def _adapter(model: type[BaseModel], name: str) -> TypeAdapter[object]:
    return TypeAdapter(_annotation(model.model_fields[name]))


def _written(adapter: TypeAdapter[object], value: object) -> object:
    return adapter.dump_python(value, mode="json", by_alias=True, exclude_none=True)


def _settle(annotation: Any, value: object, adapter: TypeAdapter[object] | None = None) -> object:  # noqa: ANN401 - as above
    if isinstance(value, Secret):
        return Secret(_settle(annotation, value.value, adapter))
    if value is None or value is UNKNOWN:
        return value
    if next(unknown_paths(value), None) is None and next(secret_paths(value), None) is None:
        adapter = adapter or TypeAdapter(annotation)
        try:
            return _written(adapter, adapter.validate_python(value))
        except ValidationError:
            return value
    return _settle_parts(_bare(annotation), value)


def _settle_parts(annotation: Any, value: object) -> object:  # noqa: ANN401 - a type form, as above
    if isinstance(annotation, type) and issubclass(annotation, BaseModel) and isinstance(value, dict):
        return settle(annotation, value)
    item = next(reversed(get_args(annotation)), None)
    if item is None or item is Ellipsis:
        item = Any
    if isinstance(value, dict):
        return {name: _settle(item, part) for name, part in value.items()}
    if isinstance(value, list):
        return [_settle(item, part) for part in value]
    return value


def _bare(annotation: Any) -> Any:  # noqa: ANN401 - a type form, as above
    """Return the type under Annotated and Optional."""
    if get_origin(annotation) is Annotated:
        return _bare(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        rest = [part for part in get_args(annotation) if part is not type(None)]
        return _bare(rest[0]) if len(rest) == 1 else Any
    return annotation
