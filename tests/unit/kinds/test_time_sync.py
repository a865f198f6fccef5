from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from beffroi.city import City
from beffroi.kinds import Site
from beffroi.kinds.time_sync import Params, Setting, expected, judge
from beffroi.verdict import Outcome, worst

Town = Callable[..., City]
FlowOf = Callable[..., dict[str, Any]]

CLIENT = Setting(part="client", sources=("10.0.3.11",), max_offset_ms=100)
SERVER = Setting(part="server", sources=(), allow=("10.0.4.0/24",), max_offset_ms=100)
GOOD = {"reference": "10.0.3.11", "offset": 0.0004, "leap": "Normal", "boot": "enabled", "listens": True}


def _expected(town: City, machine: str) -> Setting:
    (setting,) = expected(Params(), Site(name=machine, machine=town.machines()[machine], city=town))
    return setting


def _outcome(setting: Setting, **changes: object) -> Outcome:
    return worst(judge([setting], {**GOOD, "allowed": list(setting.allow), **changes}))


def test_a_machine_follows_the_server_at_the_address_that_it_reaches(small_town: Town) -> None:
    assert _expected(small_town(), "app") == CLIENT


def test_the_server_answers_those_whom_a_flow_brings(small_town: Town, flow_of: FlowOf) -> None:
    town = small_town(flows=[flow_of("time", ["app", "probes"], "logs", "ntp"), flow_of("w", "users", "logs", "web")])
    assert _expected(town, "logs").allow == (
        "10.0.4.10/32",
        "10.0.6.128/25",
        "fd00:0:0:4::10/128",
        "fd00:0:0:6:1::/80",
    )


def test_a_town_without_a_time_server_asks_for_nothing(small_town: Town) -> None:
    town = small_town(hosts={})
    assert expected(Params(), Site(name="core", machine=town.gateways["core"], city=town)) == []


@pytest.mark.parametrize("setting", [CLIENT, SERVER])
def test_a_clock_that_follows_closely_passes(setting: Setting) -> None:
    assert _outcome(setting) is Outcome.PASS


@pytest.mark.parametrize(
    "wrong",
    [
        {"reference": "192.0.2.1"},
        {"reference": None, "offset": None, "leap": None},
        {"leap": "Not synchronised"},
        {"offset": 0.101},
        {"boot": "disabled"},
    ],
)
def test_a_clock_that_does_not_follow_fails(wrong: dict[str, object]) -> None:
    assert _outcome(CLIENT, **wrong) is Outcome.FAIL


@pytest.mark.parametrize("allowed", [[], ["0.0.0.0/0"], [*SERVER.allow, "192.0.2.0/24"]])
def test_a_server_that_gives_the_time_to_others_than_declared_fails(allowed: list[str]) -> None:
    assert _outcome(SERVER, allowed=allowed) is Outcome.FAIL


def test_a_server_that_does_not_listen_fails() -> None:
    assert _outcome(SERVER, listens=False) is Outcome.FAIL
