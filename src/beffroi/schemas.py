"""Planned resources against a policy's JSON Schema (draft 2020-12). Pure."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from beffroi.city import City
from beffroi.planned import Planned, Sort, planned
from beffroi.rules import Breach

_SHOWN = 80


def unsatisfied(schema: Mapping[str, Any], sorts: Collection[Sort], city: City) -> Iterator[Breach]:
    """Yield the planned resources of some sorts that do not satisfy a schema, each once, at its gravest fault."""
    validator = Draft202012Validator(dict(schema))
    for resource in planned(city):
        if resource.sort in sorts and (breach := _breach(validator, resource)):
            yield breach


def _breach(validator: Draft202012Validator, resource: Planned) -> Breach | None:
    error = best_match(validator.iter_errors(resource.properties))
    if error is None:
        return None
    field = tuple(error.absolute_path)
    value = json.dumps(error.instance, ensure_ascii=False, sort_keys=True)
    names = {
        "subject": resource.name,
        "sort": resource.sort.value,
        "field": ".".join(map(str, field)) or "-",
        "value": value if len(value) <= _SHOWN else value[: _SHOWN - 1] + "…",
    }
    written = () if field and field[0] in resource.derived else field
    return Breach(resource.name, (*resource.path, *written), names)
