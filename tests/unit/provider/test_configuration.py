from __future__ import annotations

import pytest

from beffroi.errors import InvalidInput
from beffroi.provider import ResourceInputs
from beffroi.provider.configuration import declared, load
from beffroi.provider.wire import UNKNOWN, Secret

Model = type[ResourceInputs]


def test_text_from_the_stacks_settings_becomes_typed(config_model: Model) -> None:
    found = load({"region": "north", "retries": "5", "zones": '["a", "b"]', "version": "1.2.3"}, config_model, "cloud")
    assert found.model_dump() == {"region": "north", "retries": 5, "zones": ["a", "b"]}


def test_text_that_looks_like_json_stays_text_where_text_is_wanted(config_model: Model) -> None:
    assert declared({"region": "12"}, config_model) == {"region": "12"}


def test_a_secret_stays_wrapped_when_its_text_is_read(config_model: Model) -> None:
    assert declared({"region": "n", "zones": Secret('["a"]')}, config_model)["zones"] == Secret(["a"])


def test_what_does_not_hold_is_named_with_the_way_to_set_it(config_model: Model) -> None:
    with pytest.raises(InvalidInput) as refused:
        load({"retries": "many"}, config_model, "cloud")
    assert "region: region is required" in str(refused.value)
    assert "retries: " in str(refused.value)
    assert "pulumi config set cloud:" in str(refused.value)


def test_a_setting_not_known_yet_is_named(config_model: Model) -> None:
    with pytest.raises(InvalidInput, match="not known yet: region"):
        load({"region": UNKNOWN}, config_model, "cloud")
