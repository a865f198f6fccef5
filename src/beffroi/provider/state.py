"""What is recorded of a resource, and what a preview may honestly promise of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel

from beffroi.provider.resource import Resource
from beffroi.provider.shape import patterns, seal, settle
from beffroi.provider.wire import UNKNOWN

AnyResource = Resource[Any, Any]
Properties = dict[str, object]


def secrets_of(resource: AnyResource) -> frozenset[tuple[str, ...]]:
    """Return where the resource's inputs and outputs are secret."""
    outputs = {(name,) for name, output in resource.outputs.items() if output.secret}
    return patterns(_model(resource), "secret") | outputs


def recorded(
    resource: AnyResource, inputs: Mapping[str, object], outputs: Mapping[str, object], like: object = None
) -> Properties:
    """Return the state to record: inputs and outputs together, secrets wrapped, also those that `like` holds."""
    marked = seal({**inputs, **outputs}, secrets_of(resource), dict(inputs))
    return seal(marked, (), like)


def unborn(resource: AnyResource) -> Properties:
    """Return the outputs of a create's preview: of what the world will give back, nothing is known."""
    return dict.fromkeys(resource.outputs, UNKNOWN)


def foreseen(resource: AnyResource, old: Mapping[str, object], changed: Iterable[str]) -> Properties:
    """Return the outputs of an update's preview: unknown where the update may change them.

    `changed` are the inputs that differ. With none, Pulumi repairs an object whose birth failed half-way: whatever an
    update may change at all is unknown then.
    """
    moving = set(changed)
    return {
        name: UNKNOWN if name not in old or _may_change(output.follows, moving) else old[name]
        for name, output in resource.outputs.items()
    }


def _may_change(follows: tuple[str, ...] | None, moving: set[str]) -> bool:
    if follows is None:
        return True
    return bool(moving.intersection(follows)) if moving else bool(follows)


def read_back(resource: AnyResource, known: Mapping[str, object], found: Mapping[str, object]) -> Properties:
    """Return the inputs after a read: what was found over what was recorded, so that write-only inputs survive."""
    merged = settle(_model(resource), {**known, **found})
    return seal(merged, patterns(_model(resource), "secret"), dict(known))


def _model(resource: AnyResource) -> type[BaseModel]:
    model: type[BaseModel] = resource.inputs
    return model
