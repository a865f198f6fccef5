"""The package schema, derived from the models: what `pulumi package get-schema` and code generators read. Pure.

Format: https://www.pulumi.com/docs/iac/extending-pulumi/schema/ . A model inside a model becomes a named type.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from beffroi.provider.resource import Output, Provider, Resource
from beffroi.provider.shape import patterns

Json = dict[str, Any]

_SCALARS = frozenset({"string", "integer", "number", "boolean"})


def package_schema(provider: Provider[Any]) -> Json:
    """Return the schema of the whole provider."""
    types: Json = {}
    config = _properties(provider.config_model, provider.name, types)
    resources = {each.token: _resource(each, provider.name, types) for each in provider.resources}
    return {
        "name": provider.name,
        "version": provider.version,
        "config": {"variables": config},
        "provider": {"inputProperties": config},
        "resources": resources,
        "types": types,
        "language": {"python": {"pyproject": {"enabled": True}}},
    }


def _resource(resource: Resource[Any, Any], package: str, types: Json) -> Json:
    inputs = _properties(resource.inputs, package, types)
    required = resource.inputs.model_json_schema(by_alias=True).get("required", [])
    outputs = {name: _output(output) for name, output in resource.outputs.items()}
    return {
        "description": (type(resource).__doc__ or "").strip(),
        "inputProperties": inputs,
        "requiredInputs": required,
        "properties": {**inputs, **outputs},
        "required": sorted({*required, *outputs}),
    }


def _output(output: Output) -> Json:
    spec: Json = {"type": output.type}
    if output.type == "array":
        spec["items"] = {"$ref": "pulumi.json#/Any"}
    if output.type == "object":
        spec["additionalProperties"] = {"$ref": "pulumi.json#/Any"}
    if output.description:
        spec["description"] = output.description
    if output.secret:
        spec["secret"] = True
    return spec


def _properties(model: type[BaseModel], package: str, types: Json) -> Json:
    document = model.model_json_schema(by_alias=True)
    for name, definition in document.get("$defs", {}).items():
        token = f"{package}:index:{name}"
        if token not in types:
            types[token] = {}
            types[token].update(_definition(definition, package))
    flagged = {flag: {pattern[0] for pattern in patterns(model, flag) if len(pattern) == 1} for flag in _FLAGS}
    properties = {}
    for name, property_ in document.get("properties", {}).items():
        spec = _type(property_, package)
        if property_.get("description"):
            spec["description"] = property_["description"]
        for flag, word in _FLAGS.items():
            if name in flagged[flag]:
                spec[word] = True
        properties[name] = spec
    return properties


_FLAGS = {"secret": "secret", "replace": "willReplaceOnChanges"}


def _definition(definition: Mapping[str, Any], package: str) -> Json:
    if "enum" in definition:
        return {"type": "string", "enum": [{"value": value} for value in definition["enum"]]}
    return {
        "type": "object",
        "description": definition.get("description", ""),
        "properties": {name: _type(each, package) for name, each in definition.get("properties", {}).items()},
        "required": definition.get("required", []),
    }


def _type(schema: Mapping[str, Any], package: str) -> Json:  # noqa: PLR0911 - one return a kind of type
    """Return Pulumi's spelling of a JSON Schema type; what Pulumi cannot say (a tuple, free JSON) is Any."""
    if "$ref" in schema:
        return {"$ref": f"#/types/{package}:index:{schema['$ref'].rsplit('/', 1)[-1]}"}
    choices = [each for each in schema.get("anyOf", []) if each.get("type") != "null"]
    if len(choices) == 1:
        return _type(choices[0], package)
    if choices:
        return {"oneOf": [_type(each, package) for each in choices]}
    match schema.get("type"):
        case scalar if scalar in _SCALARS:
            return {"type": scalar}
        case "array" if isinstance(schema.get("items"), dict):
            return {"type": "array", "items": _type(schema["items"], package)}
        case "object":
            inner = schema.get("additionalProperties")
            any_ = {"$ref": "pulumi.json#/Any"}
            return {
                "type": "object",
                "additionalProperties": _type(inner, package) if isinstance(inner, dict) else any_,
            }
        case _:
            return {"$ref": "pulumi.json#/Any"}
