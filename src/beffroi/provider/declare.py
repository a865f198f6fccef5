"""The program's side: declare a resource of ours in a Pulumi program, from the same model as the provider's.

Importing this module imports Pulumi's SDK; the provider's process never does it for its own sake.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
from pydantic import BaseModel

from beffroi.errors import InvalidInput
from beffroi.messages import say
from beffroi.provider.resource import Provider, Resource, ResourceInputs
from beffroi.provider.shape import patterns


class Declared(pulumi.CustomResource):
    """A resource of ours in a program. Its properties are outputs: `machine.output("ip")`."""

    def output(self, name: str) -> pulumi.Output[Any]:
        """Return a property, input or output, as Pulumi spells it; raise InvalidInput when there is none."""
        try:
            found: pulumi.Output[Any] = self.__dict__[name]
        except KeyError as unknown:
            raise InvalidInput(say("provider-unexpected-property", name=name), where=self._name) from unknown
        return found


def declare(
    provider: Provider[Any],
    resource: type[Resource[Any, Any]],
    name: str,
    inputs: ResourceInputs | Mapping[str, pulumi.Input[Any]],
    opts: pulumi.ResourceOptions | None = None,
) -> Declared:
    """Declare `resource` under the logical `name`.

    `inputs` is the model, or a mapping by field name or by alias when some values are outputs of other resources.
    Raise InvalidInput for a property that the model does not have: sooner, and closer to the line at fault, than Check.
    """
    properties = _properties(resource.inputs, inputs, name)
    absent = dict.fromkeys(resource.outputs)
    ours = pulumi.ResourceOptions(version=provider.version)
    return Declared(resource.token, name, {**absent, **properties}, pulumi.ResourceOptions.merge(ours, opts))


def _properties(model: type[BaseModel], inputs: BaseModel | Mapping[str, Any], where: str) -> dict[str, Any]:
    if isinstance(inputs, BaseModel):
        given: dict[str, Any] = inputs.model_dump(mode="json", by_alias=True, exclude_none=True)
    else:
        given = {_alias(model, key, where): _plain(value) for key, value in inputs.items()}
    secret = {pattern[0] for pattern in patterns(model, "secret")}
    # Marked here as well as in Check: policies and the engine's log see the inputs before the provider does.
    return {key: pulumi.Output.secret(value) if key in secret else value for key, value in given.items()}


def _alias(model: type[BaseModel], key: str, where: str) -> str:
    for name, field in model.model_fields.items():
        if key in (name, field.alias):
            return field.alias or name
    raise InvalidInput(say("provider-unexpected-property", name=key), where=where)


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever a program gives: plain values, outputs, models
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True, exclude_none=True)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value
