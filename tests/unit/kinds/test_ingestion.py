from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from beffroi.city import City
from beffroi.control import load_controls
from beffroi.coverage import unseen
from beffroi.kinds import Site
from beffroi.kinds import _ingestion_files as ours
from beffroi.kinds._sections import Section
from beffroi.kinds.ingestion import Params, Setting, _status, expected, judge
from beffroi.verdict import Outcome, worst

Town = Callable[..., City]

ROOT = Path(__file__).parents[3]
PROGRAM = "ab" * 32
NOW = 1_800_000_000


def _database(may: list[str], *, host: str = "app", columns: tuple[str, ...] = ("sensor",)) -> dict[str, Any]:
    return {
        "name": "district",
        "tables": {
            "reading": {
                "columns": ["id", "measured_at", *columns, "quantity", "value"],
                "dated_by": "measured_at",
                "pseudonymised": list(columns),
            }
        },
        "accounts": {"svc_sensors": {"host": host, "may": {"reading": may}}},
    }


DATABASE = _database(["insert"])
TOPICS = ["air/%u/pm25", "noise/level/%u"]


def _town(town: City, database: dict[str, Any] | None = None, topics: list[str] | None = None) -> City:
    plain = town.model_dump(mode="json", by_alias=True)
    plain["services"]["mqtts"] = {"protocol": "tcp", "ports": ["8883"], "tls": "direct"}
    plain["services"]["postgresql"] = {"protocol": "tcp", "ports": ["5432"], "tls": "postgresql"}
    plain["hosts"]["app"]["services"] = ["mqtts"]
    plain["hosts"]["logs"]["roles"] = ["certificate-authority"]
    store = {"label": {"fr": "x", "en": "y"}, "path": "/srv/readings", "database": database or DATABASE}
    plain["hosts"]["db"]["stores"] = {"readings": store}
    fleet = next(iter(plain["fleets"].values()))
    fleet["topics"] = TOPICS if topics is None else topics
    plain["flows"].append(
        {
            "name": "sensors-to-app",
            "from": [next(iter(plain["fleets"]))],
            "to": ["app"],
            "service": "mqtts",
            "purpose": {"fr": "x", "en": "y"},
        }
    )
    return City.model_validate(plain)


def _expected(town: City, machine: str = "app") -> list[Setting]:
    return expected(Params(program=PROGRAM), Site(name=machine, machine=town.machines()[machine], city=town))


@pytest.fixture(name="setting")
def _setting(small_town: Town) -> Setting:
    (setting,) = _expected(_town(small_town()))
    return setting


def _configuration(setting: Setting) -> str:
    (text,) = [file.text for file in setting.files if file.path == ours.CONFIGURATION]
    return text


def _facts(setting: Setting) -> dict[str, Any]:
    files = {file.path: file.shown() for file in setting.files}
    files[ours.PROGRAM] = f"root:root 0644 regular file sha256:{PROGRAM}"
    return {
        "files": files,
        "secrets": dict.fromkeys((ours.PSEUDONYMS, ours.PASSWORD), "root:root 0600 regular file"),
        "unit": {
            "ActiveState": "active",
            "UnitFileState": "enabled",
            "NeedDaemonReload": "no",
            "DropInPaths": "",
            "User": "beffroi-ingestion",
            "SupplementaryGroups": "",
        },
        "status": {
            "program": PROGRAM,
            "configuration": hashlib.sha256(_configuration(setting).encode()).hexdigest(),
            "received": 12,
            "written": 11,
            "dropped": 1,
            "answered": {"the broker": 3, "district": 3},
            "last": 40,
        },
    }


def test_readings_passed_on_in_order_pass(setting: Setting) -> None:
    assert worst(judge([setting], _facts(setting))) is Outcome.PASS


def test_the_drop_in_that_confines_it_is_no_stranger(setting: Setting) -> None:
    facts = _facts(setting)
    facts["unit"]["DropInPaths"] = "/etc/systemd/system/beffroi-ingestion.service.d/zz-beffroi-sandbox.conf"
    assert worst(judge([setting], facts)) is Outcome.PASS


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ActiveState", "inactive"),
        ("UnitFileState", "disabled"),
        ("User", "root"),
        ("DropInPaths", "/run/systemd/system/beffroi-ingestion.service.d/debug.conf"),
        ("SupplementaryGroups", "ssl-cert"),
    ],
)
def test_a_unit_that_is_another_fails(setting: Setting, name: str, value: str) -> None:
    facts = _facts(setting)
    facts["unit"][name] = value
    assert worst(judge([setting], facts)) is Outcome.FAIL


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("program", "cd" * 32),
        ("program", None),
        ("configuration", "cd" * 32),
        ("answered", {}),
        ("answered", {"the broker": None, "district": 3}),
        ("answered", {"the broker": 3, "district": None}),
        ("answered", {"the broker": 3, "other": 3}),
        ("answered", {"the broker": 181, "district": 3}),
        ("answered", {"the broker": 3, "district": 181}),
    ],
)
def test_a_program_that_does_less_than_it_must_fails(setting: Setting, name: str, value: object) -> None:
    facts = _facts(setting)
    facts["status"][name] = value
    assert worst(judge([setting], facts)) is Outcome.FAIL


@pytest.mark.parametrize("changes", [{"files": {}}, {"unit": {}}, {"secrets": {}}, {"status": None}])
def test_what_is_not_there_fails(setting: Setting, changes: dict[str, Any]) -> None:
    assert worst(judge([setting], {**_facts(setting), **changes})) is Outcome.FAIL


@pytest.mark.parametrize("path", [ours.PSEUDONYMS, ours.PASSWORD])
@pytest.mark.parametrize("held", ["root:root 0644 regular file", "beffroi-ingestion:root 0600 regular file"])
def test_a_secret_that_others_may_read_fails(setting: Setting, path: str, held: str) -> None:
    facts = _facts(setting)
    facts["secrets"][path] = held
    assert worst(judge([setting], facts)) is Outcome.FAIL


def test_it_knows_both_of_its_ends(setting: Setting) -> None:
    said = json.loads(_configuration(setting))
    fleet = said["broker"]["routes"][0]["fleet"]
    assert said == {
        "broker": {
            "account": "readings",
            "address": "10.0.4.10",
            "port": 8883,
            "filters": ["air/+/pm25", "noise/level/+"],
            "routes": [
                {"topic": "air/%u/pm25", "fleet": fleet, "quantity": "pm25"},
                {"topic": "noise/level/%u", "fleet": fleet, "quantity": "level"},
            ],
        },
        "database": {
            "database": "district",
            "account": "svc_sensors",
            "name": "db.bourg.internal",
            "address": "10.0.4.11",
            "port": 5432,
            "table": "reading",
            "columns": {"device": "sensor", "quantity": "quantity", "value": "value", "time": "measured_at"},
            "pseudonymised": ["sensor"],
        },
    }


def test_it_is_handed_the_password_of_one_account_alone(setting: Setting) -> None:
    texts = {file.path.rpartition("/")[2]: file.text for file in setting.files}
    assert "broker-accounts" not in texts["beffroi-ingestion.service"]
    assert "s/^readings://p" in texts["beffroi-ingestion-secrets.service"]


def test_nothing_passes_readings_on_from_who_is_no_broker(small_town: Town) -> None:
    assert _expected(_town(small_town()), "db") == []


@pytest.mark.parametrize(
    "database",
    [_database(["select"]), _database(["insert"], host="logs"), _database(["insert"], columns=("place",))],
    ids=["may not add", "of another machine", "without the columns"],
)
def test_nothing_passes_readings_on_to_a_database_that_takes_none(small_town: Town, database: dict[str, Any]) -> None:
    assert _expected(_town(small_town(), database)) == []


@pytest.mark.parametrize("topics", [[], ["air/all"]])
def test_nothing_passes_on_what_no_device_is_named_in(small_town: Town, topics: list[str]) -> None:
    assert _expected(_town(small_town(), topics=topics)) == []


SAID: dict[str, Any] = {
    "program": PROGRAM,
    "configuration": PROGRAM,
    "received": 1,
    "written": 1,
    "dropped": 0,
    "answered": {"the broker": NOW - 2, "district": None},
    "last": NOW - 9,
}


def _read(said: object, code: int = 0) -> dict[str, Any] | None:
    return _status(Section(said if isinstance(said, str) else json.dumps(said), code), NOW)


def test_what_the_program_says_is_read() -> None:
    assert _read(SAID) == {**SAID, "answered": {"the broker": 2, "district": None}, "last": 9}


@pytest.mark.parametrize(
    "said",
    [
        "",
        "no",
        "[]",
        "null",
        "[" * 4000,
        {},
        {**SAID, "answered": []},
        {**SAID, "answered": None},
        {**SAID, "received": "many"},
        {**SAID, "received": None},
    ],
)
def test_what_cannot_be_read_says_nothing(said: object) -> None:
    assert _read(said) is None


def test_a_program_that_is_not_there_says_nothing() -> None:
    assert _read("head: cannot open '/run/beffroi-ingestion/status.json'", 1) is None


@pytest.mark.parametrize("when", ["now", NOW + 5, 1e300, [], {}])
def test_an_answer_at_a_time_that_is_none_is_no_answer(when: object) -> None:
    found = _read({**SAID, "answered": {"the broker": when}})
    assert found is not None
    assert found["answered"] == {"the broker": None}


def test_of_what_the_program_says_only_what_is_asked_for_leaves_the_machine() -> None:
    found = _read({**SAID, "value": "12.5", "device": "sensors-01", "program": "x" * 4000})
    assert found is not None
    assert set(found) == set(SAID)
    assert len(found["program"]) == 64


def test_the_control_names_the_program_that_the_role_brings() -> None:
    program = (ROOT / "roles" / "ingestion" / "files" / "beffroi_ingestion.py").read_bytes()
    control = load_controls(ROOT)["sensors/readings-pass-on-pseudonymised"]
    assert control.params["program"] == hashlib.sha256(program).hexdigest()


def test_a_pass_tells_every_value_that_the_role_uses(setting: Setting) -> None:
    assert unseen("ingestion", [setting.model_dump(mode="json")], _facts(setting)) == ()
