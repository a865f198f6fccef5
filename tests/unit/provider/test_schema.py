from __future__ import annotations

from typing import Any

import pytest

from beffroi.provider import Provider
from beffroi.provider.schema import package_schema


@pytest.fixture
def schema(provider: Provider[Any]) -> dict[str, Any]:
    return package_schema(provider)


def test_a_resource_tells_its_inputs_their_flags_and_which_are_required(schema: dict[str, Any]) -> None:
    resource = schema["resources"]["cloud:index:Host"]
    assert resource["requiredInputs"] == ["name"]
    assert resource["inputProperties"]["zone"] == {"type": "string", "willReplaceOnChanges": True}
    assert resource["inputProperties"]["token"] == {"type": "string", "secret": True}
    assert resource["inputProperties"]["ramGb"] == {"type": "integer"}


def test_outputs_stand_beside_the_inputs_among_the_properties(schema: dict[str, Any]) -> None:
    resource = schema["resources"]["cloud:index:Host"]
    assert resource["properties"]["seed"] == {"type": "string", "secret": True}
    assert {"name", "address", "serial"} <= set(resource["required"])


def test_a_model_inside_a_model_is_a_named_type(schema: dict[str, Any]) -> None:
    properties = schema["resources"]["cloud:index:Host"]["inputProperties"]
    reference = {"$ref": "#/types/cloud:index:User"}
    assert properties["users"] == {"type": "array", "items": reference}
    assert properties["byRole"] == {"type": "object", "additionalProperties": reference}
    assert schema["types"]["cloud:index:User"]["required"] == ["login"]


def test_the_configuration_is_told_too(schema: dict[str, Any]) -> None:
    assert schema["config"]["variables"]["zones"] == {"type": "array", "items": {"type": "string"}}
