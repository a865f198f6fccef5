from __future__ import annotations

from typing import Any

import pytest

from beffroi.provider import Resource, state
from beffroi.provider.wire import UNKNOWN, Secret

AnyResource = Resource[Any, Any]
OLD: dict[str, object] = {"name": "db", "address": "10.0.0.1", "status": "up", "serial": "s1", "seed": Secret("x")}


def test_the_recorded_state_wraps_secret_inputs_and_outputs(host: AnyResource) -> None:
    found = state.recorded(host, {"name": "db", "token": "t"}, {"seed": "x", "serial": "s1"})
    assert found == {"name": "db", "token": Secret("t"), "seed": Secret("x"), "serial": "s1"}


def test_an_output_that_echoes_a_secret_input_is_wrapped_too(host: AnyResource) -> None:
    assert state.recorded(host, {"note": Secret("n")}, {"note": "n"}) == {"note": Secret("n")}


def test_a_create_promises_no_output(host: AnyResource) -> None:
    assert state.unborn(host) == dict.fromkeys(host.outputs, UNKNOWN)


@pytest.mark.parametrize(
    ("changed", "kept"),
    [
        ({"ramGb"}, {"address", "serial"}),
        ({"zone"}, {"serial"}),
        (set(), {"serial"}),
    ],
)
def test_an_update_promises_only_the_outputs_that_it_cannot_change(
    host: AnyResource, changed: set[str], kept: set[str]
) -> None:
    found = state.foreseen(host, OLD, changed)
    assert {name for name, value in found.items() if value is not UNKNOWN} == kept


def test_an_output_that_was_never_recorded_is_not_promised(host: AnyResource) -> None:
    assert state.foreseen(host, {}, {"ramGb"})["serial"] is UNKNOWN


def test_what_was_read_stands_over_what_was_recorded_and_write_only_inputs_survive(host: AnyResource) -> None:
    known = {"name": "db", "ramGb": 4, "token": Secret("t"), "tags": {"pin": Secret("1")}}
    found = state.read_back(host, known, {"ramGb": 2, "tags": {"pin": "2"}})
    assert found["ramGb"] == 2
    assert found["token"] == Secret("t")
    assert found["tags"] == {"pin": Secret("2")}
