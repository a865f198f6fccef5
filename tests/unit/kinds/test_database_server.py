from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from beffroi.city import City
from beffroi.errors import CouldNotLook, InvalidInput
from beffroi.kinds import Site
from beffroi.kinds.database_server import Account, Client, Params, Setting, expected, judge, observe, weakened
from beffroi.verdict import Outcome, worst

Town = Callable[..., City]

_TEXT = {"fr": "x", "en": "x"}
_TABLES = {"request": {"columns": ["id", "made_at"], "dated_by": "made_at"}}

CLIENT = Client(database="acts", account="svc_acts", address="10.0.4.10")
SETTINGS = [
    Setting(part="option", name="ssl", value="on"),
    Setting(part="clients", clients=(CLIENT,)),
    Setting(part="accounts", accounts=(Account(name="svc_acts", database="acts", host="app"),)),
]
HELD = {"login": True, "powers": [], "kept": "scram-sha-256"}
OWNER = {"login": True, "powers": ["superuser"], "kept": "none"}
FACTS: dict[str, Any] = {
    "state": "active",
    "options": {"ssl": "on"},
    "pending": [],
    "overridden": [],
    "rules": ["local all postgres peer", "hostssl acts svc_acts 10.0.4.10 scram-sha-256"],
    "in_force": True,
    "accounts": {"postgres": OWNER, "svc_acts": HELD},
    "members": [],
}


def _store(name: str, host: str = "app", account: str = "svc_acts") -> dict[str, Any]:
    accounts = {account: {"host": host, "may": {"request": ["select"]}}}
    database = {"name": name, "tables": _TABLES, "accounts": accounts}
    return {"label": _TEXT, "path": f"/srv/{name}", "owner": "postgres", "database": database}


def _town(small_town: Town, **stores: dict[str, Any]) -> City:
    town = small_town()
    service = {"protocol": "tcp", "ports": [5432], "tls": "postgresql"}
    plain = town.model_dump(mode="json", by_alias=True)
    plain["services"]["postgresql"] = service
    plain["hosts"]["db"] |= {"stores": stores, "services": ["ssh", "postgresql"], "roles": ["database"]}
    return City.model_validate(plain)


def _expected(small_town: Town, part: str, **stores: dict[str, Any]) -> list[Setting]:
    town = _town(small_town, **stores)
    return expected(Params.model_validate({"part": part}), Site(name="db", machine=town.hosts["db"], city=town))


def _judged(**changes: Any) -> Outcome:  # noqa: ANN401 - any fact
    return worst(judge(SETTINGS, {**FACTS, **changes}))


def test_an_account_comes_in_from_both_addresses_of_its_machine(small_town: Town) -> None:
    (setting,) = _expected(small_town, "clients", acts=_store("acts"))
    assert [client.rule() for client in setting.clients] == [
        "hostssl acts svc_acts 10.0.4.10 scram-sha-256",
        "hostssl acts svc_acts fd00:0:0:4::10 scram-sha-256",
    ]


def test_a_machine_behind_gateways_is_known_by_the_address_that_leads_here(small_town: Town) -> None:
    (setting,) = _expected(small_town, "clients", acts=_store("acts", host="edge"))
    assert [client.address for client in setting.clients] == ["10.0.2.1", "fd00:0:0:2::1"]


def test_an_account_of_the_machine_itself_comes_in_by_its_own_addresses(small_town: Town) -> None:
    (setting,) = _expected(small_town, "clients", acts=_store("acts", host="db"))
    assert [client.address for client in setting.clients] == ["10.0.4.11", "fd00:0:0:4::11"]


def test_the_server_listens_where_its_machine_is_declared(small_town: Town) -> None:
    found = {setting.name: setting.value for setting in _expected(small_town, "addresses", acts=_store("acts"))}
    assert found == {"listen_addresses": "10.0.4.11,fd00:0:0:4::11", "port": "5432"}


@pytest.mark.parametrize("part", ["addresses", "clients", "accounts"])
def test_a_machine_of_which_no_store_is_a_database_is_asked_nothing(small_town: Town, part: str) -> None:
    assert _expected(small_town, part) == []


@pytest.mark.parametrize("account", ["postgres", "pg_reader"])
def test_an_account_that_postgresql_keeps_for_itself_is_refused(small_town: Town, account: str) -> None:
    with pytest.raises(InvalidInput):
        _expected(small_town, "accounts", acts=_store("acts", account=account))


def test_one_account_name_for_two_databases_of_a_machine_is_refused(small_town: Town) -> None:
    with pytest.raises(InvalidInput):
        _expected(small_town, "accounts", acts=_store("acts"), meals=_store("meals"))


@pytest.mark.parametrize("params", [{"part": "options"}, {"part": "clients", "options": {"ssl": "on"}}])
def test_options_come_with_their_own_part_alone(params: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Params.model_validate(params)


@pytest.mark.parametrize("value", ["on'; DROP", "a\\b", "a\nb"])
def test_a_value_that_would_leave_its_quotes_is_refused(value: str) -> None:
    with pytest.raises(ValidationError):
        Params.model_validate({"part": "options", "options": {"ssl": value}})


def test_a_server_as_declared_passes() -> None:
    assert _judged() is Outcome.PASS


@pytest.mark.parametrize(
    "changes",
    [
        {"options": {"ssl": "off"}},
        {"options": {}},
        {"pending": ["ssl"]},
        {"overridden": ["ssl"]},
        {"in_force": False},
        {"rules": [*FACTS["rules"], "host all all 0.0.0.0/0.0.0.0 trust"]},
        {"rules": FACTS["rules"][:1]},
        {"rules": [FACTS["rules"][0], "host acts svc_acts 10.0.4.10 scram-sha-256"]},
        {"rules": [FACTS["rules"][0], "hostssl acts svc_acts 10.0.4.0/255.255.255.0 scram-sha-256"]},
        {"accounts": {"postgres": OWNER}},
        {"accounts": {**FACTS["accounts"], "visitor": HELD}},
        {"accounts": {**FACTS["accounts"], "postgres": {**OWNER, "kept": "scram-sha-256"}}},
        {"accounts": {**FACTS["accounts"], "svc_acts": {**HELD, "kept": "md5"}}},
        {"accounts": {**FACTS["accounts"], "svc_acts": {**HELD, "kept": "none"}}},
        {"accounts": {**FACTS["accounts"], "svc_acts": {**HELD, "powers": ["superuser"]}}},
        {"accounts": {**FACTS["accounts"], "svc_acts": {**HELD, "login": False}}},
        {"members": ["svc_acts in pg_read_all_data"]},
    ],
)
def test_whatever_differs_from_what_is_declared_fails(changes: dict[str, Any]) -> None:
    assert _judged(**changes) is Outcome.FAIL


def _answer(**changes: Any) -> str:  # noqa: ANN401 - any fact
    account = dict.fromkeys(("rolsuper", "rolcreatedb", "rolcreaterole", "rolreplication", "rolbypassrls"), False)
    rules = [
        ["local", ["all"], ["postgres"], None, None, "peer", None, False],
        ["hostssl", ["acts"], ["svc_acts"], "10.0.4.10", "255.255.255.255", "scram-sha-256", None, False],
        ["hostssl", ["acts"], ["svc_acts"], "fd00::1", ":".join(["ffff"] * 8), "scram-sha-256", None, False],
        ["host", ["all"], ["all"], "192.0.2.0", "255.255.255.0", "trust", ["map=x"], False],
        [None, None, None, None, None, None, None, True],
    ]
    answer = {
        "options": {"ssl": "on"},
        "pending": [],
        "overridden": [],
        "rules": rules,
        "in_force": True,
        "accounts": [{"name": "svc_acts", "login": True, "kept": "md5", **account, "rolcreatedb": True}],
        "members": [],
    }
    return json.dumps({**answer, **changes})


def _observed(host_that_says: Callable[..., Any], text: str, code: int = 0, state: str = "active") -> dict[str, Any]:
    host = host_that_says(f"{state}\n\n@@beffroi state 0@@\n{text}\n\n@@beffroi server {code}@@\n")
    return observe(host, SETTINGS)


def test_rules_are_told_in_words_and_a_line_that_cannot_be_read_is_one_too(host_that_says: Callable[..., Any]) -> None:
    assert _observed(host_that_says, _answer())["rules"] == [
        "local all postgres peer",
        "hostssl acts svc_acts 10.0.4.10 scram-sha-256",
        "hostssl acts svc_acts fd00::1 scram-sha-256",
        "host all all 192.0.2.0/255.255.255.0 trust map=x",
        "(a line that PostgreSQL cannot read)",
    ]


def test_an_account_is_known_by_its_powers_and_its_verifiers_scheme(host_that_says: Callable[..., Any]) -> None:
    found = _observed(host_that_says, _answer())["accounts"]
    assert found == {"svc_acts": {"login": True, "powers": ["createdb"], "kept": "md5"}}


@pytest.mark.parametrize(("text", "code"), [("", 0), ("{", 0), ("[]", 0), ("runuser: not root", 1), ('{"a": 1', 0)])
def test_a_server_that_does_not_answer_could_not_be_looked_at(
    host_that_says: Callable[..., Any], text: str, code: int
) -> None:
    with pytest.raises(CouldNotLook):
        _observed(host_that_says, text, code)


@pytest.mark.parametrize("state", ["inactive", "failed"])
def test_a_server_that_was_stopped_fails(host_that_says: Callable[..., Any], state: str) -> None:
    facts = _observed(host_that_says, "psql: no such file", 2, state)
    assert worst(judge(SETTINGS, facts)) is Outcome.FAIL


def test_a_verifier_never_leaves_the_machine(host_that_says: Callable[..., Any]) -> None:
    host = host_that_says(f"active\n\n@@beffroi state 0@@\n{_answer()}\n\n@@beffroi server 0@@\n")
    observe(host, SETTINGS)
    (asked,) = host.asked
    assert asked.count("rolpassword") == 3, "three times compared with a form, and never selected"
    assert "default_transaction_read_only=on" in asked


def test_a_part_given_up_asks_for_less() -> None:
    whole = Params(part="options", options={"ssl": "on", "log_connections": "on"})
    assert weakened(whole, Params(part="options", options={"ssl": "on"})) is True
    assert weakened(whole, Params(part="options", options={"ssl": "off", "log_connections": "on"})) is None
    assert weakened(whole, whole) is False
