"""The published JSON Schema of what a town writes, for editors and for other tools."""

from __future__ import annotations

from typing import Any

from beffroi.city.model import City

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema(*, whole: bool = True) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a city; what it cannot say (`beffroi check` does) is left out.

    With `whole=False` no section is required: an editor can then check one file of a town that is split in several.
    """
    schema = City.model_json_schema(by_alias=True)
    _close(schema)
    schema = {"$schema": DIALECT, **schema, "title": "A town, as Beffroi reads it"}
    if not whole:
        del schema["required"]
        schema["$defs"]["Town"].pop("required")
    return schema


def _close(node: object) -> None:
    """Refuse entries with an ill-formed name, which pydantic's schema leaves open."""
    if isinstance(node, dict):
        if "patternProperties" in node:
            node["additionalProperties"] = False
        for inner in node.values():
            _close(inner)
    elif isinstance(node, list):
        for inner in node:
            _close(inner)
