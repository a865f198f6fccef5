from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from beffroi.city import City
from beffroi.kinds import Site
from beffroi.kinds.log_canary import Heard, Params, Setting, _age, expected, judge, observe
from beffroi.verdict import Outcome, worst

Town = Callable[..., City]

SAID = "/usr/bin/logger --priority authpriv.info --tag beffroi-canary app authpriv"
SENDER = Setting(part="sender", machine="app", commands=(SAID,))
COLLECTOR = Setting(
    part="collector", machine="logs", heard=(Heard(name="app", facilities=("authpriv", "local0")),), hours=3
)
TIMER = {
    "UnitFileState": "enabled",
    "ActiveState": "active",
    "TimersCalendar": "{ OnCalendar=*-*-* *:00:00 ; next_elapse=n/a }",
}
SERVICE = {
    "Result": "success",
    "ExecMainExitTimestamp": "Thu 2026-11-26 19:00:00 UTC",
}


def _site(town: City, machine: str) -> Site:
    return Site(name=machine, machine=town.machines()[machine], city=town)


def _sender(timer: dict[str, str], service: dict[str, str], says: tuple[str, ...] = (SAID,)) -> Outcome:
    units = {"beffroi-canary.timer": {**TIMER, **timer}, "beffroi-canary.service": {**SERVICE, **service}}
    return worst(judge([SENDER], {"units": units, "says": says, "ages": {}}))


def _collector(**ages: int | None) -> Outcome:
    heard = {"authpriv": 60, "local0": 60, **ages}
    return worst(judge([COLLECTOR], {"units": {}, "ages": {f"app {name}": age for name, age in heard.items()}}))


def test_a_machine_says_its_canary_by_each_facility_of_its_roles(small_town: Town) -> None:
    params = Params(by_role={"time-server": ("local0",)})
    assert expected(params, _site(small_town(), "app")) == [SENDER]
    (collector,) = expected(params, _site(small_town(), "logs"))
    assert [command.split()[-1] for command in collector.commands] == ["authpriv", "local0"]


def test_the_collector_must_have_heard_every_machine_and_itself(small_town: Town) -> None:
    (setting,) = expected(Params(part="collector"), _site(small_town(), "logs"))
    assert [it.name for it in setting.heard] == ["app", "bastion", "core", "db", "edge", "logs"]
    assert expected(Params(part="collector"), _site(small_town(), "app")) == []


def test_a_town_without_a_collector_says_nothing(small_town: Town) -> None:
    town = small_town()
    logs = town.hosts["logs"].model_copy(update={"roles": ()})
    assert expected(Params(), _site(town.model_copy(update={"hosts": {**town.hosts, "logs": logs}}), "app")) == []


def test_a_canary_that_is_said_passes() -> None:
    assert _sender({}, {}) is Outcome.PASS


@pytest.mark.parametrize(
    ("timer", "service"),
    [
        ({"UnitFileState": "disabled"}, {}),
        ({"ActiveState": "inactive"}, {}),
        ({"TimersCalendar": "{ OnCalendar=*-01-01 00:00:00 ; next_elapse=n/a }"}, {}),
        ({}, {"Result": "exit-code"}),
        ({}, {"ExecMainExitTimestamp": ""}),
    ],
)
def test_a_canary_that_is_not_said_as_it_should_be_fails(timer: dict[str, str], service: dict[str, str]) -> None:
    assert _sender(timer, service) is Outcome.FAIL


@pytest.mark.parametrize("says", [(), ("/bin/true",), (SAID, SAID), (SAID, "/bin/true")])
def test_a_service_that_says_something_else_or_more_fails(says: tuple[str, ...]) -> None:
    assert _sender({}, {}, says) is Outcome.FAIL


def test_a_machine_without_the_units_fails() -> None:
    assert worst(judge([SENDER], {"units": {}, "says": [], "ages": {}})) is Outcome.FAIL


def test_canaries_that_arrived_pass() -> None:
    assert _collector() is Outcome.PASS


@pytest.mark.parametrize("age", [None, 3 * 3600 + 1, -3601, 10**9])
def test_a_canary_that_is_late_missing_or_dated_tomorrow_fails(age: int | None) -> None:
    assert _collector(local0=age) is Outcome.FAIL


def test_a_canary_never_heard_by_one_facility_fails() -> None:
    assert worst(judge([COLLECTOR], {"units": {}, "ages": {"app authpriv": 60}})) is Outcome.FAIL


@pytest.mark.parametrize(
    ("when", "age"),
    [
        ("2026-11-26T19:00:00.123456+00:00", 60),
        ("2026-11-26T20:00:00+01:00", 60),
        ("2026-11-26T19:00:00Z", 60),
        ("2026-11-26T19:00:00", None),
        ("9999-99-99T99:99:99Z", None),
        ("----", None),
    ],
)
def test_a_lines_age_is_counted_from_its_own_time_and_zone(when: str, age: int | None) -> None:
    assert _age(1795719660, when) == age


class Answering:
    """A host that notes what it is asked, and answers each section in turn."""

    def __init__(self, *texts: str) -> None:
        self.asked = ""
        self.rc = 0
        self.stderr = ""
        names = ("units", "now", "newest")
        self.stdout = "".join(f"{text}\n@@beffroi {name} 0@@\n" for name, text in zip(names, texts, strict=True))

    def run(self, command: str) -> Answering:
        self.asked = command
        return self


def test_each_of_several_commands_is_seen_though_systemd_prints_them_under_one_name() -> None:
    lines = "\n".join(f"ExecStart={{ path=/usr/bin/logger ; argv[]={word} ; ignore_errors=no }}" for word in "ab")
    host: Any = Answering(f"Id=beffroi-canary.service\n{lines}", "60", "")
    assert observe(host, [SENDER])["says"] == ["a", "b"]


def test_observing_asks_for_times_alone() -> None:
    host: Any = Answering("", "1795719660", "app authpriv 2026-11-26T19:00:00+00:00\napp local0")
    assert observe(host, [COLLECTOR])["ages"] == {"app authpriv": 60}
    assert "sed -n 's/^\\([0-9T:.+Z-]*\\) [^ ]* beffroi-canary[^ ]* app local0 *$/\\1/p'" in host.asked
