from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from beffroi.city import City
from beffroi.coverage import unseen
from beffroi.errors import CouldNotLook
from beffroi.kinds import Site
from beffroi.kinds.database import Params, Setting, expected, judge, observe, weakened
from beffroi.kinds.systemd_timer import Params as TimerParams
from beffroi.kinds.systemd_timer import expected as timers
from beffroi.verdict import Outcome, worst

Town = Callable[..., City]

_TEXT = {"fr": "x", "en": "x"}
_TABLES = {"request": {"columns": ["id", "made_at", "citizen"], "dated_by": "made_at", "pseudonymised": ["citizen"]}}
_DAYS = 24 * 60


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


def _site(small_town: Town, *durations: str) -> Site:
    accounts = {"svc_acts": {"host": "app", "may": {"request": ["select", "insert"]}}}
    database = {"name": "acts", "tables": _TABLES, "accounts": accounts}
    store = {"label": _TEXT, "path": "/srv/acts", "owner": "postgres", "database": database}
    plain = small_town().model_dump(mode="json", by_alias=True)
    plain["hosts"]["db"] |= {"stores": {"acts": store}, "roles": ["database"]}
    plain["processing"] = {f"activity-{index}": _activity(duration) for index, duration in enumerate(durations)}
    town = City.model_validate(plain)
    return Site(name="db", machine=town.hosts["db"], city=town)


def _setting(small_town: Town, part: str, *durations: str) -> Setting:
    (setting,) = expected(Params.model_validate({"part": part}), _site(small_town, *(durations or ("30 days",))))
    return setting


def _counts(**counts: int) -> str:
    usual = {"n": 9, "overdue": 0, "ahead": 0, "undated": 0, "oldest": 12, "late": 3}
    return "".join(f"<{name}>{count}</{name}>" for name, count in {**usual, **counts}.items())


def _facts(setting: Setting, held: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:  # noqa: ANN401
    usual = {
        "tables": {"request": ["citizen text", "id bigint", "made_at timestamp with time zone"]},
        "programs": [],
        "elsewhere": [],
        "large_objects": 0,
        "grants": [
            "svc_acts connect database",
            "svc_acts usage schema public",
            "svc_acts select request",
            "svc_acts insert request",
        ],
        "bound": ["request.citizen"],
        "ages": {"request.made_at": _counts()},
        "shapes": {"request.citizen": "<n>9</n><clear>0</clear>"},
    }
    facts: dict[str, Any] = {"state": "active"}
    facts |= {"databases": {"acts": "/srv/acts"}, "strays": [], "held": {"acts": {**usual, **(held or {})}}}
    if (erasure := setting.erasure) is not None:
        calendar = f"{{ OnCalendar={erasure.calendar} ; next_elapse=n/a }}"
        timer = {"UnitFileState": "enabled", "ActiveState": "active", "NextElapseUSecRealtime": "Tue 24"}
        command = f"{{ path=/usr/bin/psql ; argv[]={erasure.command} ; ignore_errors=no ; pid=0 }}"
        service = {"Result": "success", "ExecMainExitTimestamp": "Mon 23", "User": "postgres", "ExecStart": command}
        facts["timers"] = {erasure.timer: {**timer, "TimersCalendar": calendar, **changes.pop("timer", {})}}
        facts["services"] = {erasure.service: {**service, **changes.pop("service", {})}}
        facts["files"] = {erasure.path: f"root:root 644 {erasure.digest()}"}
    return {**facts, **changes}


def _judged(setting: Setting, held: dict[str, Any] | None = None, **changes: Any) -> Outcome:  # noqa: ANN401
    return worst(judge([setting], _facts(setting, held, **changes)))


PARTS = ["columns", "privileges", "pseudonyms", "retention", "declared"]


def test_a_table_has_the_declared_columns_each_of_one_type(small_town: Town) -> None:
    (table,) = _setting(small_town, "columns").tables
    assert table.columns == ("id bigint", "made_at timestamp with time zone", "citizen text")


def test_the_shortest_retention_counts_and_rows_go_an_hour_before_it(small_town: Town) -> None:
    erasure = _setting(small_town, "retention", "1 year", "30 days").erasure
    assert erasure is not None
    assert erasure.retention_minutes == 30 * _DAYS
    assert erasure.minutes == 30 * _DAYS - 60
    assert f"\"made_at\" < now() - interval '{erasure.minutes} minutes'" in erasure.text


def test_a_database_that_no_activity_claims_has_no_retention(small_town: Town) -> None:
    assert expected(Params(part="retention"), _site(small_town)) == []


def test_files_are_purged_elsewhere_and_a_database_is_not_a_folder_of_files(small_town: Town) -> None:
    assert timers(TimerParams(purge=True), _site(small_town, "30 days")) == []


@pytest.mark.parametrize("part", PARTS)
def test_a_database_as_declared_passes(small_town: Town, part: str) -> None:
    setting = _setting(small_town, part)
    assert _judged(setting) is Outcome.PASS


@pytest.mark.parametrize("part", PARTS)
def test_every_value_that_the_role_enforces_is_seen_by_the_check(small_town: Town, part: str) -> None:
    setting = _setting(small_town, part)
    assert unseen("database", [setting.model_dump(mode="json")], _facts(setting)) == ()


@pytest.mark.parametrize("part", PARTS)
def test_a_database_that_is_not_there_fails(small_town: Town, part: str) -> None:
    setting = _setting(small_town, part)
    facts = {**_facts(setting), "databases": {}, "held": {"acts": None}}
    assert worst(judge([setting], facts)) is Outcome.FAIL


@pytest.mark.parametrize(
    ("part", "held"),
    [
        ("columns", {"tables": {}}),
        ("columns", {"tables": {"request": ["id bigint", "made_at timestamp with time zone"]}}),
        (
            "columns",
            {"tables": {"request": ["citizen text", "id bigint", "made_at timestamp with time zone", "religion text"]}},
        ),
        ("columns", {"tables": {"request": ["citizen text", "id bigint", "made_at text"]}}),
        (
            "columns",
            {"tables": {"request": ["citizen text", "id bigint", "made_at timestamp with time zone"], "copy": []}},
        ),
        ("columns", {"programs": ["reveal"]}),
        ("columns", {"elsewhere": ["request"]}),
        ("columns", {"large_objects": 1}),
        ("privileges", {"grants": []}),
        ("privileges", {"grants": ["svc_acts connect database"]}),
        ("pseudonyms", {"shapes": {}}),
        ("pseudonyms", {"shapes": {"request.citizen": "<n>9</n><clear>1</clear>"}}),
        ("pseudonyms", {"bound": []}),
        ("retention", {"ages": {}}),
        ("retention", {"ages": {"request.made_at": _counts(overdue=1)}}),
        ("retention", {"ages": {"request.made_at": _counts(oldest=31)}}),
        ("retention", {"ages": {"request.made_at": _counts(undated=1)}}),
        ("retention", {"ages": {"request.made_at": _counts(ahead=1)}}),
    ],
)
def test_whatever_a_database_holds_beyond_its_declaration_fails(
    small_town: Town, part: str, held: dict[str, Any]
) -> None:
    assert _judged(_setting(small_town, part), held) is Outcome.FAIL


def test_an_empty_table_fails_where_a_lab_was_to_have_made_up_rows(small_town: Town) -> None:
    setting = _setting(small_town, "columns").model_copy(update={"seeded_rows": 9})
    assert _judged(setting) is Outcome.PASS
    assert _judged(setting, {"ages": {"request.made_at": _counts(n=0)}}) is Outcome.FAIL


@pytest.mark.parametrize("grant", ["- select request", "svc_acts delete request", "visitor own request"])
def test_a_privilege_more_fails(small_town: Town, grant: str) -> None:
    setting = _setting(small_town, "privileges")
    assert _judged(setting, {"grants": [*setting.grants, grant]}) is Outcome.FAIL


@pytest.mark.parametrize("changes", [{"databases": {"acts": "", "exports": ""}}, {"strays": ["public.copy"]}])
def test_what_no_store_declares_fails(small_town: Town, changes: dict[str, Any]) -> None:
    assert _judged(_setting(small_town, "declared"), **changes) is Outcome.FAIL


def test_a_database_outside_its_stores_folder_fails(small_town: Town) -> None:
    assert _judged(_setting(small_town, "columns"), databases={"acts": ""}) is Outcome.FAIL


@pytest.mark.parametrize(
    "changes",
    [
        {"timer": {"ActiveState": "inactive"}},
        {"timer": {"UnitFileState": "disabled"}},
        {"timer": {"NextElapseUSecRealtime": ""}},
        {"timer": {"TimersCalendar": "{ OnCalendar=*-01-01 00:00:00 ; next_elapse=n/a }"}},
        {"service": {"Result": "exit-code"}},
        {"service": {"ExecMainExitTimestamp": ""}},
        {"service": {"User": "root"}},
        {"service": {"ExecStart": "{ path=/bin/true ; argv[]=/bin/true ; ignore_errors=no }"}},
        {"files": {}},
        {"files": {"/etc/beffroi/purge/acts.sql": "postgres:postgres 666 0"}},
    ],
)
def test_an_erasure_that_is_not_the_declared_one_fails(small_town: Town, changes: dict[str, Any]) -> None:
    assert _judged(_setting(small_town, "retention"), **changes) is Outcome.FAIL


def test_an_erasure_that_runs_just_now_passes_though_it_has_no_next_run_yet(small_town: Town) -> None:
    running = {"NextElapseUSecRealtime": "", "SubState": "running"}
    assert _judged(_setting(small_town, "retention"), timer=running) is Outcome.PASS


def _look(small_town: Town, host_that_says: Callable[..., Any], server: str, held: str, code: int) -> dict[str, Any]:
    answers = {
        "state": ("active", 0),
        "server": (server, 0),
        "database-0": (held, code),
        "timers": ("", 0),
        "services": ("", 0),
    }
    answers["files"] = ("root:root 644 0abc /etc/beffroi/purge/acts.sql", 0)
    text = "".join(f"{words}\n\n@@beffroi {name} {end}@@\n" for name, (words, end) in answers.items())
    return observe(host_that_says(text), [_setting(small_town, "retention")])


SERVER = json.dumps({"databases": {"acts": "/srv/acts"}, "strays": []})


def test_what_a_database_holds_is_read_as_it_answers(small_town: Town, host_that_says: Callable[..., Any]) -> None:
    facts = _look(small_town, host_that_says, SERVER, '{"tables": {}}', 0)
    assert facts["held"] == {"acts": {"tables": {}}}
    assert facts["files"] == {"/etc/beffroi/purge/acts.sql": "root:root 644 0abc"}


def test_a_database_that_is_not_there_is_told_from_one_that_does_not_answer(
    small_town: Town, host_that_says: Callable[..., Any]
) -> None:
    gone = _look(small_town, host_that_says, json.dumps({"databases": {}, "strays": []}), "psql: FATAL", 2)
    assert gone["held"] == {"acts": None}
    with pytest.raises(CouldNotLook):
        _look(small_town, host_that_says, SERVER, "psql: FATAL: too many connections", 2)


@pytest.mark.parametrize("held", ["", "{", "[]", "ERROR: out of memory"])
def test_an_answer_that_cannot_be_read_is_not_a_verdict(
    small_town: Town, host_that_says: Callable[..., Any], held: str
) -> None:
    with pytest.raises(CouldNotLook):
        _look(small_town, host_that_says, SERVER, held, 0)


@pytest.mark.parametrize("part", PARTS)
def test_a_server_that_was_stopped_fails(small_town: Town, part: str) -> None:
    assert worst(judge([_setting(small_town, part)], {"state": "inactive"})) is Outcome.FAIL


def test_a_part_given_up_or_rows_made_up_ask_for_less() -> None:
    assert weakened(Params(part="columns", seeded_rows=9), Params(part="columns")) is False
    assert weakened(Params(part="columns"), Params(part="columns", seeded_rows=9)) is True
    assert weakened(Params(part="columns"), Params(part="declared")) is True
