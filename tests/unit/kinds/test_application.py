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
from beffroi.kinds import _application_files as ours
from beffroi.kinds._sections import Section
from beffroi.kinds.application import Params, Setting, _health, expected, judge
from beffroi.verdict import Outcome, worst

Town = Callable[..., City]

ROOT = Path(__file__).parents[3]
PROGRAM = "ab" * 32
DATABASE = {
    "name": "requests",
    "tables": {
        "request": {
            "columns": ["id", "received_at", "citizen", "subject"],
            "dated_by": "received_at",
            "pseudonymised": ["citizen"],
        }
    },
    "accounts": {"svc_portal": {"host": "app", "may": {"request": ["insert"]}}},
}


def _town(town: City, *, database: bool = True) -> City:
    plain = town.model_dump(mode="json", by_alias=True)
    plain["services"]["app"] = {"protocol": "tcp", "ports": ["8443"], "tls": "direct"}
    plain["services"]["postgresql"] = {"protocol": "tcp", "ports": ["5432"], "tls": "postgresql"}
    plain["hosts"]["app"]["services"] = ["app"]
    plain["hosts"]["logs"]["roles"] = ["certificate-authority"]
    store = {"label": {"fr": "x", "en": "y"}, "path": "/srv/requests", "database": DATABASE}
    plain["hosts"]["db"]["stores"] = {"requests": store} if database else {}
    return City.model_validate(plain)


def _expected(town: City, machine: str = "app") -> list[Setting]:
    return expected(Params(program=PROGRAM), Site(name=machine, machine=town.machines()[machine], city=town))


@pytest.fixture(name="setting")
def _setting(small_town: Town) -> Setting:
    (setting,) = _expected(_town(small_town()))
    return setting


def _facts(setting: Setting) -> dict[str, Any]:
    files = {file.path: file.shown() for file in setting.files}
    files[ours.PROGRAM] = f"root:root 0644 regular file sha256:{PROGRAM}"
    return {
        "asked": setting.asked(),
        "files": files,
        "key": "root:root 0600 regular file",
        "unit": {
            "ActiveState": "active",
            "UnitFileState": "enabled",
            "NeedDaemonReload": "no",
            "DropInPaths": "",
            "User": "beffroi-app",
            "SupplementaryGroups": "ssl-cert",
        },
        "sockets": setting.sockets(),
        "health": {"program": PROGRAM, "databases": {"requests": "connected"}},
        "stranger": 0,
        "accepted": [],
    }


def test_an_application_in_order_passes(setting: Setting) -> None:
    assert worst(judge([setting], _facts(setting))) is Outcome.PASS


def test_the_drop_in_that_confines_it_is_no_stranger(setting: Setting) -> None:
    facts = _facts(setting)
    facts["unit"]["DropInPaths"] = "/etc/systemd/system/beffroi-application.service.d/zz-beffroi-sandbox.conf"
    assert worst(judge([setting], facts)) is Outcome.PASS


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ActiveState", "inactive"),
        ("UnitFileState", "disabled"),
        ("User", "root"),
        ("DropInPaths", "/run/systemd/system/beffroi-application.service.d/debug.conf"),
        ("SupplementaryGroups", "ssl-cert postgres"),
    ],
)
def test_a_unit_that_is_another_fails(setting: Setting, name: str, value: str) -> None:
    facts = _facts(setting)
    facts["unit"][name] = value
    assert worst(judge([setting], facts)) is Outcome.FAIL


@pytest.mark.parametrize(
    "changes",
    [
        {"files": {}},
        {"unit": {}},
        {"sockets": []},
        {"sockets": ["0.0.0.0:8080"]},
        {"sockets": ["10.0.4.10:8443", "127.0.0.1:8080", "[fd00:0:0:4::10]:8443"]},
        {"health": None},
        {"health": {}},
        {"health": {"program": "cd" * 32, "databases": {"requests": "connected"}}},
        {"health": {"program": PROGRAM, "databases": {"requests": "in clear"}}},
        {"health": {"program": PROGRAM, "databases": {"requests": "unreachable"}}},
        {"health": {"program": PROGRAM, "databases": {}}},
        {"stranger": 200},
        {"stranger": 404},
        {"accepted": ["TLSv1.1"]},
    ],
)
def test_an_application_that_does_less_than_it_must_fails(setting: Setting, changes: dict[str, Any]) -> None:
    assert worst(judge([setting], {**_facts(setting), **changes})) is Outcome.FAIL


@pytest.mark.parametrize("held", ["", "root:root 0644 regular file", "beffroi-app:root 0600 regular file"])
def test_a_key_of_pseudonyms_that_others_may_read_fails(setting: Setting, held: str) -> None:
    assert worst(judge([setting], {**_facts(setting), "key": held})) is Outcome.FAIL


def test_it_reaches_the_databases_where_it_has_an_account(setting: Setting) -> None:
    (text,) = [file.text for file in setting.files if file.path.endswith("databases.json")]
    (entry,) = json.loads(text)
    assert entry == {
        "database": "requests",
        "account": "svc_portal",
        "name": "db.bourg.internal",
        "address": "10.0.4.11",
        "port": 5432,
        "table": "request",
        "columns": ["citizen", "subject"],
        "pseudonymised": ["citizen"],
    }


def test_a_town_without_a_database_has_an_application_all_the_same(small_town: Town) -> None:
    (setting,) = _expected(_town(small_town(), database=False))
    assert setting.databases == ()


def test_it_listens_at_its_own_addresses_alone(setting: Setting) -> None:
    assert setting.sockets() == ["10.0.4.10:8443", "[fd00:0:0:4::10]:8443"]


def test_nothing_is_asked_of_who_does_not_offer_it(small_town: Town) -> None:
    assert _expected(_town(small_town()), "db") == []


@pytest.mark.parametrize(
    "text", ["", "HTTP/1.1 200 OK\r\n\r\nnot json", "HTTP/1.1 200 OK\r\n\r\n[]", '{"program": "x"}', "\r\n\r\n{}"]
)
def test_an_answer_that_cannot_be_read_is_none(text: str) -> None:
    assert _health(Section(text, 0)) is None


def test_an_answer_is_read() -> None:
    assert _health(Section('HTTP/1.1 200 OK\r\nA: b\r\n\r\n{"program": "x"}', 0)) == {"program": "x"}


def test_the_control_names_the_program_that_the_role_brings() -> None:
    program = (ROOT / "roles" / "application" / "files" / "beffroi_application.py").read_bytes()
    control = load_controls(ROOT)["services/application-over-tls-alone"]
    assert control.params["program"] == hashlib.sha256(program).hexdigest()


def test_a_pass_tells_every_value_that_the_role_uses(setting: Setting) -> None:
    assert unseen("application", [setting.model_dump(mode="json")], _facts(setting)) == ()
