from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from beffroi.city import City
from beffroi.kinds import Site
from beffroi.kinds.log_forwarding import Params, Sender, Setting, _forwards, _kept, expected, judge
from beffroi.verdict import Outcome, worst

Town = Callable[..., City]

SENDER = Setting(part="sender", port=514, address="10.0.3.11")
COLLECTOR = Setting(
    part="collector", port=514, senders=(Sender(name="app", address="10.0.4.10"),), silent_hours=24, keep_days=365
)
FORWARD = {"type": "omfwd", "target": "10.0.3.11", "port": "514", "protocol": "tcp", "queue.filename": "q"}


def _expected(town: City, machine: str, part: str) -> list[Setting]:
    params = Params.model_validate({"part": part})
    return expected(params, Site(name=machine, machine=town.machines()[machine], city=town))


def _sender(**changes: object) -> Outcome:
    facts = {"valid": True, "forwards": [FORWARD], "sockets": [["ESTAB", "10.0.4.10:4", "10.0.3.11:514"]], "ages": {}}
    return worst(judge([SENDER], {**facts, **changes}))


def _collector(**changes: object) -> Outcome:
    facts = {
        "valid": True,
        "forwards": [],
        "sockets": [["LISTEN", "0.0.0.0:514", "0.0.0.0:*"]],
        "ages": {"app": 60},
        "kept": [365, 365],
    }
    return worst(judge([COLLECTOR], {**facts, **changes}))


def test_a_machine_sends_to_the_address_by_which_it_reaches_the_collector(small_town: Town) -> None:
    assert _expected(small_town(), "app", "sender") == [SENDER]


def test_the_collector_hears_every_other_machine(small_town: Town) -> None:
    (setting,) = _expected(small_town(), "logs", "collector")
    assert {sender.name: sender.address for sender in setting.senders} == {
        "edge": "10.0.3.1",
        "core": "10.0.2.2",
        "bastion": "10.0.3.10",
        "app": "10.0.4.10",
        "db": "10.0.4.11",
    }


@pytest.mark.parametrize(("machine", "part"), [("logs", "sender"), ("app", "collector")])
def test_each_side_has_its_own_part_alone(small_town: Town, machine: str, part: str) -> None:
    assert _expected(small_town(), machine, part) == []


def test_a_town_without_a_collector_asks_for_nothing(small_town: Town) -> None:
    town = small_town()
    logs = town.hosts["logs"].model_copy(update={"roles": ()})
    assert _expected(town.model_copy(update={"hosts": {**town.hosts, "logs": logs}}), "app", "sender") == []


def test_a_connected_sender_passes() -> None:
    assert _sender() is Outcome.PASS


@pytest.mark.parametrize(
    "forward",
    [
        {**FORWARD, "protocol": "udp"},
        {**FORWARD, "target": "10.0.9.9"},
        {key: value for key, value in FORWARD.items() if key != "queue.filename"},
    ],
)
def test_a_forwarding_that_may_lose_lines_or_goes_elsewhere_fails(forward: dict[str, str]) -> None:
    assert _sender(forwards=[forward]) is Outcome.FAIL


def test_a_configuration_without_a_connection_fails() -> None:
    assert _sender(sockets=[]) is Outcome.FAIL


def test_a_connection_whose_configuration_is_gone_fails() -> None:
    assert _sender(forwards=[]) is Outcome.FAIL


def test_a_configuration_that_rsyslog_refuses_fails() -> None:
    assert _sender(valid=False) is Outcome.FAIL


def test_a_collector_that_hears_everybody_passes() -> None:
    assert _collector() is Outcome.PASS


@pytest.mark.parametrize("ages", [{}, {"app": 24 * 3600 + 1}])
def test_a_sender_that_was_silent_too_long_fails(ages: dict[str, int]) -> None:
    assert _collector(ages=ages) is Outcome.FAIL


@pytest.mark.parametrize("kept", [[], [30, 365], [365, 30], [365]])
def test_a_collector_that_keeps_less_than_declared_fails(kept: list[int]) -> None:
    assert _collector(kept=kept) is Outcome.FAIL


def test_how_long_lines_are_kept_is_read_from_logrotates_rules() -> None:
    assert _kept("/var/log/remote/*.log {\n  daily\n  rotate 30\n  # rotate 9\n  maxage 31\n}\n") == [30, 31]


def test_a_collector_that_does_not_listen_fails() -> None:
    assert _collector(sockets=[["LISTEN", "0.0.0.0:22", "0.0.0.0:*"]]) is Outcome.FAIL


def test_comments_and_other_actions_are_not_forwardings() -> None:
    text = (
        '# action(type="omfwd" target="10.0.0.1")\n'
        'action(type="omfile" file="/x")\n'
        'action(type="omfwd"\n target="10.0.0.2")\n'
    )
    found: list[dict[str, Any]] = list(_forwards(text))
    assert [action["target"] for action in found] == ["10.0.0.2"]
