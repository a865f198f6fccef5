"""The provider's own configuration. Pure.

A default provider receives it from the stack's settings, an explicit one from the program: in both cases Pulumi sends
what is not text as JSON text, so `"3"` or `"[1, 2]"` is read again where the model refuses the text itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from beffroi.errors import InvalidInput
from beffroi.messages import say
from beffroi.provider.check import failures
from beffroi.provider.wire import Secret, has_unknown, reveal_struct

C = TypeVar("C", bound=BaseModel)

RESERVED = frozenset({"version", "pluginDownloadURL", "pluginChecksums"})


def declared(properties: Mapping[str, object], model: type[BaseModel]) -> dict[str, object]:
    """Return the provider's own settings among `properties`: Pulumi's are left out, JSON text is read."""
    own = {name: value for name, value in properties.items() if name not in RESERVED and not name.startswith("__")}
    refused = {str(failure.at[0]) for failure in failures(model, own) if failure.at}
    return {name: _parsed(value) if name in refused else value for name, value in own.items()}


def _parsed(value: object) -> object:
    if isinstance(value, Secret):
        return Secret(_parsed(value.value))
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def load(properties: Mapping[str, object], model: type[C], name: str) -> C:
    """Return the typed configuration of the provider `name`; raise InvalidInput when it does not hold."""
    own = declared(properties, model)
    unknown = [key for key, value in own.items() if has_unknown(value)]
    if unknown:
        raise InvalidInput(say("provider-config-unknown", names=", ".join(unknown)), where=name)
    try:
        return model.model_validate(reveal_struct(own))
    except ValidationError as refusal:
        reasons = "; ".join(f"{failure.property}: {failure.reason}" for failure in failures(model, own))
        raise InvalidInput(
            say("provider-config-refused", reasons=reasons), where=name, hint=say("provider-config-hint", name=name)
        ) from refusal
