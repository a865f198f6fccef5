"""The published JSON Schema says what the model says."""

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from beffroi import yamlfile
from beffroi.city.schema import json_schema

MINIMAL = Path(__file__).parents[2] / "cases" / "minimal" / "city.yml"


def as_written() -> dict[str, Any]:
    return yamlfile.read(MINIMAL, shown_as="city.yml").mapping()


def test_the_schema_is_a_valid_schema() -> None:
    Draft202012Validator.check_schema(json_schema())


def test_the_minimal_city_as_written_satisfies_the_schema() -> None:
    assert [error.message for error in Draft202012Validator(json_schema()).iter_errors(as_written())] == []


def test_one_file_of_a_split_town_satisfies_the_partial_schema() -> None:
    part = {"services": as_written()["services"]}
    assert Draft202012Validator(json_schema(whole=False)).is_valid(part)
    assert not Draft202012Validator(json_schema()).is_valid(part)


@pytest.mark.parametrize(
    ("section", "entry", "wrong"),
    [
        ("town", "population", "eight hundred"),
        ("town", "mayor", "somebody"),
        ("services", "https", {"protocol": "sctp"}),
        ("services", "Https", {"protocol": "icmp"}),
        ("services", "https", {"protocol": "tcp", "encrypted": "yes"}),
        ("segments", "servers", {"vlan": 10}),
        ("functions", "it", None),
    ],
)
def test_the_schema_refuses_a_wrong_field(section: str, entry: str, wrong: object) -> None:
    city = as_written()
    city[section] = {**city[section], entry: wrong}
    assert not Draft202012Validator(json_schema()).is_valid(city)


def test_the_schema_takes_one_name_or_a_list_for_the_ends_of_a_flow() -> None:
    schema = json_schema()
    flow = {**schema["$defs"]["Flow"], "$defs": schema["$defs"]}
    written = {**as_written()["flows"][0], "to": ["records", "edge"]}
    assert Draft202012Validator(flow).is_valid(written)
    assert not Draft202012Validator(flow).is_valid({**written, "to": []})


def test_every_field_is_described_for_editors() -> None:
    schema = json_schema()
    models = {"City": schema, **schema["$defs"]}
    undescribed = [
        f"{model}.{name}"
        for model, described in models.items()
        for name, field in described.get("properties", {}).items()
        if "description" not in field and "$ref" not in field
    ]
    assert undescribed == []
