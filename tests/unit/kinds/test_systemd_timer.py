from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from beffroi.city import City
from beffroi.errors import InvalidInput
from beffroi.kinds import Site
from beffroi.kinds.systemd_timer import Params, Setting, expected, judge
from beffroi.verdict import Outcome, worst

Town = Callable[..., City]

_TEXT = {"fr": "x", "en": "x"}


def _activity(duration: str) -> dict[str, Any]:
    return {
        "label": _TEXT,
        "purpose": _TEXT,
        "legal_basis": "public-task",
        "responsible": "it",
        "data_subjects": [_TEXT],
        "categories": [{"label": _TEXT}],
        "stores": ["acts"],
        "retention": {"duration": duration, "starts": _TEXT},
        "security_measures": [_TEXT],
    }


def _purges(small_town: Town, *durations: str, path: str = "/srv/acts") -> list[Setting]:
    store = {"label": _TEXT, "path": path, "owner": "svc-civil"}
    interfaces = {"servers": {"ipv4": "10.0.4.10", "ipv6": "fd00:0:0:4::10"}}
    app = {"label": _TEXT, "os": "debian-12", "responsible": "it", "interfaces": interfaces, "stores": {"acts": store}}
    processing = {f"activity-{index}": _activity(duration) for index, duration in enumerate(durations)}
    town = small_town(hosts={"app": app}, processing=processing)
    return expected(Params(purge=True), Site(name="app", machine=town.hosts["app"], city=town))


def test_copies_are_not_purged_by_the_age_of_their_files(small_town: Town) -> None:
    town = small_town()
    kept = {"label": _TEXT, "path": "/srv/copies", "owner": "svc-backup", "copies": ["acts"]}
    held = {"label": _TEXT, "path": "/srv/acts", "owner": "svc-civil"}
    plain = town.model_dump(mode="json", by_alias=True, exclude_none=True)
    plain["hosts"]["db"]["stores"], plain["hosts"]["app"]["stores"] = {"copies": kept}, {"acts": held}
    plain["processing"] = {"civil": {**_activity("30 days"), "stores": ["acts", "copies"]}}
    city = City.model_validate(plain)
    assert expected(Params(purge=True), Site(name="db", machine=city.hosts["db"], city=city)) == []
    assert len(expected(Params(purge=True), Site(name="app", machine=city.hosts["app"], city=city))) == 1


def _facts(setting: Setting) -> dict[str, Any]:
    calendar = setting.purge.calendar if setting.purge else ""
    return {
        "timers": {
            setting.timer: {
                "UnitFileState": "enabled",
                "ActiveState": "active",
                "NextElapseUSecRealtime": "Tue 24",
                "TimersCalendar": f"{{ OnCalendar={calendar} ; next_elapse=n/a }}",
            }
        },
        "services": {
            setting.service: {
                "LoadState": "loaded",
                "Result": "success",
                "ExecMainExitTimestamp": "Mon 23",
                "User": "svc-civil",
                "ExecStart": f"{{ path=/usr/bin/find ; argv[]={setting.command} ; ignore_errors=no ; pid=0 }}",
            }
        },
        "overdue": {"acts": 0},
    }


@pytest.fixture
def purge(small_town: Town) -> Setting:
    (setting,) = _purges(small_town, "30 days")
    return setting


def test_a_purge_takes_what_the_next_run_would_find_too_old(purge: Setting) -> None:
    assert purge.command == "/usr/bin/find /srv/acts -xdev -mindepth 1 ! -type d -mmin +43140 -delete"


def test_of_two_activities_the_shorter_retention_counts(small_town: Town) -> None:
    (setting,) = _purges(small_town, "1 year", "2 days")
    assert setting.purge
    assert setting.purge.retention_minutes == 2 * 24 * 60


def test_a_retention_in_hours_is_kept_every_five_minutes(small_town: Town) -> None:
    (setting,) = _purges(small_town, "1 hour")
    assert setting.purge
    assert (setting.purge.minutes, setting.purge.calendar) == (55, "*-*-* *:00/5:00")


def test_a_store_that_no_activity_claims_is_not_purged(small_town: Town) -> None:
    assert _purges(small_town) == []


@pytest.mark.parametrize("path", ["/srv", "/srv/../etc"])
def test_a_folder_of_the_system_is_never_purged(small_town: Town, path: str) -> None:
    with pytest.raises(InvalidInput):
        _purges(small_town, "30 days", path=path)


@pytest.mark.parametrize("params", [{}, {"timer": "logrotate.timer", "purge": True}, {"timer": "x; reboot.timer"}])
def test_a_control_names_one_timer_or_the_purges(params: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Params.model_validate(params)


def test_a_purge_that_runs_passes(purge: Setting) -> None:
    assert worst(judge([purge], _facts(purge))) is Outcome.PASS


@pytest.mark.parametrize(
    ("unit", "field", "value"),
    [
        ("timers", "UnitFileState", "disabled"),
        ("timers", "ActiveState", "inactive"),
        ("timers", "NextElapseUSecRealtime", ""),
        ("timers", "TimersCalendar", "{ OnCalendar=*-01-01 00:00:00 ; next_elapse=n/a }"),
        ("timers", "TimersCalendar", ""),
        ("services", "Result", "exit-code"),
        ("services", "ExecMainExitTimestamp", ""),
        ("services", "LoadState", "not-found"),
        ("services", "User", "root"),
        ("services", "ExecStart", "{ path=/bin/true ; argv[]=/bin/true ; ignore_errors=no }"),
    ],
)
def test_a_purge_that_does_not_run_as_declared_fails(purge: Setting, unit: str, field: str, value: str) -> None:
    facts = copy.deepcopy(_facts(purge))
    next(iter(facts[unit].values()))[field] = value
    assert worst(judge([purge], facts)) is Outcome.FAIL


def test_a_timer_whose_service_runs_just_now_passes_though_it_has_no_next_run_yet(purge: Setting) -> None:
    facts = copy.deepcopy(_facts(purge))
    facts["timers"][purge.timer] |= {"NextElapseUSecRealtime": "", "SubState": "running"}
    assert worst(judge([purge], facts)) is Outcome.PASS


def test_a_file_past_its_retention_fails(purge: Setting) -> None:
    assert worst(judge([purge], {**_facts(purge), "overdue": {"acts": 1}})) is Outcome.FAIL


def test_a_timer_that_does_not_exist_fails(purge: Setting) -> None:
    assert worst(judge([purge], {"timers": {}, "services": {}, "overdue": {}})) is Outcome.FAIL


def test_a_timer_of_the_system_that_waits_for_its_first_time_passes() -> None:
    setting = Setting(timer="logrotate.timer")
    facts = _facts(setting)
    facts["services"][setting.service]["ExecMainExitTimestamp"] = ""
    assert worst(judge([setting], facts)) is Outcome.PASS
