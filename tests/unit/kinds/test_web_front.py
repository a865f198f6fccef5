from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from beffroi.city import City
from beffroi.coverage import unseen
from beffroi.kinds import Site
from beffroi.kinds.web_front import Params, Setting, expected, judge
from beffroi.verdict import Outcome, worst

Town = Callable[..., City]


def _town(town: City, *, application: str = "app", authority: bool = True) -> City:
    plain = town.model_dump(mode="json", by_alias=True)
    plain["services"]["https"] = {"protocol": "tcp", "ports": ["443"], "tls": "direct"}
    plain["services"]["app"] = {"protocol": "tcp", "ports": ["8443"], "tls": "direct"}
    plain["hosts"]["db"]["services"] = ["https"]
    if application:
        plain["hosts"][application]["services"].append("app")
    plain["hosts"]["logs"]["roles"] = ["certificate-authority"] if authority else []
    return City.model_validate(plain)


def _expected(town: City, **params: Any) -> list[Setting]:  # noqa: ANN401 - any parameter
    return expected(Params(**params), Site(name="db", machine=town.machines()["db"], city=town))


@pytest.fixture(name="setting")
def _setting(small_town: Town) -> Setting:
    (setting,) = _expected(_town(small_town()))
    return setting


def _facts(setting: Setting) -> dict[str, Any]:
    headers = {name.lower(): value for name, value in setting.headers.items()}
    return {
        "asked": setting.asked(),
        "files": {file.path: file.shown() for file in setting.files},
        "sites": [file.path for file in setting.files],
        "unit": {"ActiveState": "active", "UnitFileState": "enabled"},
        "clear": {"status": 301, "headers": {"location": "https://db/"}},
        "tls": {"status": 200, "headers": {**headers, "server": "nginx"}},
        "through": 200,
        "queries": 0,
        "accepted": [],
    }


def test_a_door_in_order_passes(setting: Setting) -> None:
    assert worst(judge([setting], _facts(setting))) is Outcome.PASS


@pytest.mark.parametrize(
    "changes",
    [
        {"files": {}},
        {"sites": []},
        {"unit": {"ActiveState": "active", "UnitFileState": "disabled"}},
        {"unit": {}},
        {"clear": {"status": 200, "headers": {}}},
        {"clear": {"status": 301, "headers": {"location": "http://db/"}}},
        {"tls": {"status": 0, "headers": {}}},
        {"through": 502},
        {"through": 0},
        {"queries": 1},
        {"accepted": ["TLSv1"]},
    ],
)
def test_a_door_left_ajar_fails(setting: Setting, changes: dict[str, Any]) -> None:
    assert worst(judge([setting], {**_facts(setting), **changes})) is Outcome.FAIL


def test_a_second_site_fails(setting: Setting) -> None:
    facts = _facts(setting)
    assert worst(judge([setting], {**facts, "sites": [*facts["sites"], "/etc/nginx/conf.d/x.conf"]})) is Outcome.FAIL


@pytest.mark.parametrize("header", ["strict-transport-security", "content-security-policy", "server"])
def test_an_answer_without_one_of_its_headers_fails(setting: Setting, header: str) -> None:
    facts = _facts(setting)
    del facts["tls"]["headers"][header]
    assert worst(judge([setting], facts)) is Outcome.FAIL


def test_a_server_that_tells_its_version_fails(setting: Setting) -> None:
    facts = _facts(setting)
    facts["tls"]["headers"]["server"] = "nginx/1.22.1"
    assert worst(judge([setting], facts)) is Outcome.FAIL


def test_the_application_is_verified_for_its_name(setting: Setting) -> None:
    (file,) = setting.files
    for line in (
        "proxy_pass https://10.0.4.10:8443;",
        "proxy_ssl_verify on;",
        "proxy_ssl_name app.bourg.internal;",
        "proxy_ssl_trusted_certificate /etc/beffroi/tls/ca.crt;",
    ):
        assert line in file.text


def test_the_log_keeps_no_query(setting: Setting) -> None:
    (file,) = setting.files
    assert "$request_method $uri $server_protocol" in file.text
    assert '$request"' not in file.text
    assert file.text.count("access_log /var/log/nginx/access.log portal;") == 2


def test_a_town_without_an_application_has_a_door_that_says_so(small_town: Town) -> None:
    (setting,) = _expected(_town(small_town(), application=""))
    assert setting.application == ""
    assert "return 503;" in setting.files[0].text
    assert worst(judge([setting], {**_facts(setting), "through": 503})) is Outcome.PASS


def test_an_application_on_the_same_machine_is_reached_at_its_own_address(small_town: Town) -> None:
    (setting,) = _expected(_town(small_town(), application="db"))
    assert "proxy_pass https://10.0.4.11:8443;" in setting.files[0].text


def test_older_versions_go_when_the_newest_is_asked_for(small_town: Town) -> None:
    (setting,) = _expected(_town(small_town()), minimum="TLSv1.3")
    assert "ssl_protocols TLSv1.3;" in setting.files[0].text


def test_nothing_is_asked_where_no_authority_signs(small_town: Town) -> None:
    assert _expected(_town(small_town(), authority=False)) == []


def test_nothing_is_asked_of_who_offers_no_such_service(small_town: Town) -> None:
    assert _expected(_town(small_town()), service="web") == []


def test_a_pass_tells_every_value_that_the_role_uses(setting: Setting) -> None:
    assert unseen("web_front", [setting.model_dump(mode="json")], _facts(setting)) == ()
