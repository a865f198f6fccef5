from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from beffroi.city.loader import load_city
from beffroi.kinds import Site, broker
from beffroi.kinds.broker import FleetTopics, Params, Setting, expected, judge
from beffroi.verdict import Outcome, worst

HAMLET = Path(__file__).parents[2] / "cases" / "hamlet"
SETTING = Setting(
    port=8883, reader="readings", fleets=(FleetTopics(fleet="poles", count=2, topics=("poles/%u/pm25",)),)
)
TOPICS = """\
user poles-01
topic write poles/poles-01/pm25
user poles-02
topic write poles/poles-02/pm25
user readings
topic read poles/+/pm25
"""
GOOD: dict[str, Any] = {
    "unit": {
        "UnitFileState": "enabled",
        "ActiveState": "active",
        "ExecStart": "{ path=/usr/sbin/mosquitto ; argv[]=/usr/sbin/mosquitto -c /etc/mosquitto/mosquitto.conf ; }",
    },
    "ports": ["8883"],
    "directives": SETTING.directives(),
    "accounts": broker._digest(["poles-01\n", "poles-02\n", "readings\n"]),  # noqa: SLF001 - what a host would say
    "count": "3",
    "weak": "0",
    "topics": broker._digest([TOPICS]),  # noqa: SLF001
    "wide": "0",
    "held": {
        "/etc/mosquitto/mosquitto.conf": "root:root 644",
        "/etc/mosquitto/beffroi-accounts": "root:mosquitto 640",
        "/etc/mosquitto/beffroi-topics": "root:mosquitto 640",
    },
    "stale": [],
}


def judged(**changes: object) -> Outcome:
    return worst(judge([SETTING], {**GOOD, **changes}))


def test_a_broker_as_declared_passes() -> None:
    assert judged() is Outcome.PASS


def test_a_device_writes_its_own_topics_and_the_reader_reads_them_all() -> None:
    assert SETTING.topics() == TOPICS


@pytest.mark.parametrize(
    "changes",
    [
        {"unit": {**GOOD["unit"], "ActiveState": "inactive"}},
        {"unit": {**GOOD["unit"], "UnitFileState": "disabled"}},
        {"unit": {**GOOD["unit"], "ExecStart": "{ argv[]=/usr/sbin/mosquitto -c /tmp/mosquitto.conf ; }"}},
        {"unit": {}},
        {"ports": ["1883", "8883"]},
        {"ports": []},
        {"directives": [line for line in SETTING.directives() if not line.startswith("cafile")]},
        {"directives": [*SETTING.directives(), "allow_anonymous true"]},
        {"directives": [*SETTING.directives(), "include_dir /etc/mosquitto/conf.d"]},
        {"directives": [line.replace("tlsv1.2", "tlsv1.1") for line in SETTING.directives()]},
        {"directives": []},
        {"count": "4"},
        {"accounts": broker._digest(["poles-01\n", "poles-02\n", "visitor\n"])},  # noqa: SLF001
        {"weak": "1"},
        {"topics": broker._digest([TOPICS, "topic readwrite #\n"])},  # noqa: SLF001
        {"wide": "1"},
        {"held": {**GOOD["held"], "/etc/mosquitto/beffroi-accounts": "root:mosquitto 644"}},
        {"held": {}},
        {"stale": ["/etc/mosquitto/mosquitto.conf"]},
    ],
)
def test_whatever_differs_fails(changes: dict[str, object]) -> None:
    assert judged(**changes) is Outcome.FAIL


def test_a_fleet_of_hundreds_has_accounts_of_as_many_digits() -> None:
    names = FleetTopics(fleet="air", count=120, topics=("air/%u",)).accounts()
    assert (names[0], names[-1], len(names)) == ("air-001", "air-120", 120)


def test_the_hamlets_collector_serves_the_fleet_that_a_flow_leads_to_it() -> None:
    city = load_city(HAMLET)
    (setting,) = expected(Params(), Site(name="mqtt", machine=city.hosts["mqtt"], city=city))
    assert (setting.port, [fleet.fleet for fleet in setting.fleets]) == (8883, ["sensors-on-poles"])


def test_a_machine_that_offers_no_such_service_is_no_broker() -> None:
    city = load_city(HAMLET)
    assert expected(Params(), Site(name="log", machine=city.hosts["log"], city=city)) == []
