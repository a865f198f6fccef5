from __future__ import annotations

from typing import Annotated

import pytest
from pydantic import BeforeValidator, model_validator

from beffroi.provider import ResourceInputs
from beffroi.provider.check import Failure, check, shows_secret
from beffroi.provider.wire import UNKNOWN, Secret

Inputs = type[ResourceInputs]


def complaints(model: Inputs, news: dict[str, object]) -> dict[str, str]:
    return {failure.property: failure.reason for failure in check(model, news).failures}


def test_good_inputs_come_back_canonical_with_their_secrets_wrapped(inputs: Inputs) -> None:
    checked = check(inputs, {"name": "DB", "token": "t"})
    assert checked.failures == []
    assert (checked.inputs["name"], checked.inputs["token"]) == ("db", Secret("t"))


def test_every_mistake_is_told_at_its_own_path(inputs: Inputs) -> None:
    found = complaints(inputs, {"ramGb": 0, "users": [{"login": "ana"}, {"login": 3}]})
    assert found.keys() == {"name", "ramGb", "users[1].login"}


def test_what_is_missing_or_too_much_says_what_to_do(inputs: Inputs) -> None:
    found = complaints(inputs, {"colour": "red"})
    assert found["name"] == "name is required: give it a value"
    assert found["colour"].endswith("remove it, or correct its spelling")


def test_nothing_is_said_of_an_unknown_nor_of_what_holds_it(inputs: Inputs) -> None:
    assert complaints(inputs, {"name": UNKNOWN, "users": [{"login": UNKNOWN}], "tags": {"a": UNKNOWN}}) == {}


def test_a_mistake_beside_an_unknown_is_told(inputs: Inputs) -> None:
    assert complaints(inputs, {"name": UNKNOWN, "ramGb": 0}).keys() == {"ramGb"}
    assert complaints(inputs, {"name": "db", "users": [{"login": UNKNOWN, "uid": "x"}]}).keys() == {"users[0].uid"}


class Range(ResourceInputs):
    low: int
    high: int

    @model_validator(mode="after")
    def ordered(self) -> Range:
        if self.low > self.high:
            what = "low is above high"
            raise ValueError(what)
        return self


def test_a_rule_over_several_inputs_is_told_in_its_own_words() -> None:
    assert complaints(Range, {"low": 3, "high": 1}) == {"": "low is above high"}


def test_a_rule_over_several_inputs_waits_for_all_of_them() -> None:
    assert complaints(Range, {"low": 3, "high": UNKNOWN}) == {}


class Shouted(ResourceInputs):
    text: Annotated[str, BeforeValidator(lambda text: text.upper())]


def test_a_validator_that_trips_over_an_unknown_decides_nothing() -> None:
    assert complaints(Shouted, {"text": UNKNOWN}) == {}


def test_a_validator_that_trips_over_a_known_value_is_a_bug_and_says_so() -> None:
    with pytest.raises(AttributeError):
        check(Shouted, {"text": 3})


@pytest.mark.parametrize(("path", "shown"), [(("token",), True), (("users", 0), True), (("ramGb",), False)])
def test_a_failure_knows_whether_naming_its_property_would_print_a_secret(
    inputs: Inputs, path: tuple[str | int, ...], *, shown: bool
) -> None:
    assert shows_secret(inputs, Failure(path, "")) is shown
