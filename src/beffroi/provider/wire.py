"""Values as they travel between Pulumi's engine and us: plain JSON, plus secrets and values not known yet.

The signatures are those of Pulumi's wire format (`sdk/go/common/resource/properties.go` in pulumi/pulumi). They are
written here and not read from `pulumi.runtime.rpc`, whose names for them are private.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, final

from google.protobuf import struct_pb2  # type: ignore[import-untyped] # its stubs are another package

SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a type tag of the wire format, not a password
OUTPUT_SIGNATURE = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
UNKNOWN_ON_WIRE = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"

Path = tuple[str | int, ...]
"""Where a value stands in a resource's properties: `("disks", 0, "sizeGb")`."""


@final
class Unknown:
    """The type of `UNKNOWN`: a value that Pulumi will only know once it has acted."""

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __copy__(self) -> Unknown:
        return self

    def __deepcopy__(self, memo: object) -> Unknown:
        return self


UNKNOWN: Final = Unknown()


@dataclass(frozen=True)
class Secret:
    """A value that Pulumi encrypts in the state and masks on screen. Its repr never shows it."""

    value: object

    def __repr__(self) -> str:
        return "Secret(...)"


def unmarshal(value: struct_pb2.Value) -> object:
    """Return the Python value of a protobuf one. Whole numbers come back as `int`: the wire only has doubles."""
    match value.WhichOneof("kind"):
        case "bool_value":
            return value.bool_value
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case "string_value":
            return UNKNOWN if value.string_value == UNKNOWN_ON_WIRE else value.string_value
        case "list_value":
            return [unmarshal(item) for item in value.list_value.values]
        case "struct_value":
            return _unmarshal_struct(value.struct_value)
        case _:
            return None


def _unmarshal_struct(struct: struct_pb2.Struct) -> object:
    fields = {name: unmarshal(field) for name, field in struct.fields.items()}
    match fields.get(SIGNATURE):
        case tag if tag == SECRET_SIGNATURE:
            return Secret(fields.get("value"))
        case tag if tag == OUTPUT_SIGNATURE:
            inner = fields.get("value", UNKNOWN)
            return Secret(inner) if fields.get("secret") is True else inner
        case _:
            return fields


def unmarshal_struct(struct: struct_pb2.Struct) -> dict[str, object]:
    """Return a resource's properties as a dictionary."""
    return {name: unmarshal(field) for name, field in struct.fields.items()}


def marshal(value: object) -> struct_pb2.Value:  # noqa: PLR0911 - one return a kind of JSON value
    """Return the protobuf form of a value; raise TypeError for what is neither JSON, `Secret` nor `UNKNOWN`."""
    match value:
        case None:
            return struct_pb2.Value(null_value=struct_pb2.NULL_VALUE)
        case Unknown():
            return struct_pb2.Value(string_value=UNKNOWN_ON_WIRE)
        case Secret():
            tagged = {SIGNATURE: struct_pb2.Value(string_value=SECRET_SIGNATURE), "value": marshal(value.value)}
            return struct_pb2.Value(struct_value=struct_pb2.Struct(fields=tagged))
        case bool():
            return struct_pb2.Value(bool_value=value)
        case int() | float():
            return struct_pb2.Value(number_value=value)
        case str():
            return struct_pb2.Value(string_value=value)
        case list() | tuple():
            return struct_pb2.Value(list_value=struct_pb2.ListValue(values=[marshal(item) for item in value]))
        case Mapping():
            return struct_pb2.Value(struct_value=marshal_struct(value))
        case _:
            what = f"Pulumi cannot carry a {type(value).__name__}"
            raise TypeError(what)


def marshal_struct(properties: Mapping[str, object]) -> struct_pb2.Struct:
    """Return a resource's properties in protobuf form."""
    return struct_pb2.Struct(fields={str(name): marshal(value) for name, value in properties.items()})


def reveal(value: object) -> object:
    """Return `value` without any `Secret` around its parts."""
    match value:
        case Secret():
            return reveal(value.value)
        case dict():
            return {name: reveal(item) for name, item in value.items()}
        case list():
            return [reveal(item) for item in value]
        case _:
            return value


def reveal_struct(properties: Mapping[str, object]) -> dict[str, object]:
    """Return a resource's properties without any `Secret` around their parts."""
    return {name: reveal(value) for name, value in properties.items()}


def unknown_paths(value: object, at: Path = ()) -> Iterator[Path]:
    """Yield where `value` holds something not known yet."""
    return _paths(value, lambda part: part is UNKNOWN, at)


def secret_paths(value: object, at: Path = ()) -> Iterator[Path]:
    """Yield where `value` holds a secret."""
    return _paths(value, lambda part: isinstance(part, Secret), at)


def _paths(value: object, wanted: Callable[[object], bool], at: Path) -> Iterator[Path]:
    if wanted(value):
        yield at
        return
    match value:
        case Secret():
            yield from _paths(value.value, wanted, at)
        case dict():
            for name, item in value.items():
                yield from _paths(item, wanted, (*at, name))
        case list():
            for index, item in enumerate(value):
                yield from _paths(item, wanted, (*at, index))
        case _:
            return


def has_unknown(value: object) -> bool:
    """Tell whether `value` holds something not known yet."""
    return next(unknown_paths(value), None) is not None


def spell(path: Path) -> str:
    """Return `path` as Pulumi writes it, `disks[0].sizeGb`, so that its reports point at the right property."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step.replace("_", "").isalnum():
            text += f".{step}" if text else step
        else:
            text += f'["{step}"]'
    return text
