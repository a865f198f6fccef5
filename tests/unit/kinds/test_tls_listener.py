from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from beffroi.city import City
from beffroi.coverage import unseen
from beffroi.kinds import Site
from beffroi.kinds import _handshake as shake
from beffroi.kinds._sections import Section
from beffroi.kinds.tls_listener import Params, Setting, _clear_text, expected, judge
from beffroi.verdict import Outcome, worst

Town = Callable[..., City]
Flows = Callable[..., dict[str, Any]]

SETTING = Setting(
    service="https",
    tls="direct",
    address="10.0.4.10",
    port=443,
    name="app.bourg.internal",
    minimum="TLSv1.2",
    units=("nginx.service",),
)
PRINT = ":".join(["AB"] * 32)
SEEN: dict[str, Any] = {
    "asked": SETTING.asked(),
    "protocol": "TLSv1.3 TLS_AES_256_GCM_SHA384",
    "verified": True,
    "served": PRINT,
    "accepted": [],
    "clear": "",
}


def _judged(*, tls: str = "direct", own: str = PRINT, **changes: object) -> Outcome:
    facts = {"own": own, "services": {"https": {**SEEN, **changes}}}
    return worst(judge([SETTING.model_copy(update={"tls": tls})], facts))


def _expected(town: City, machine: str, *, personal_data: bool) -> list[str]:
    site = Site(name=machine, machine=town.machines()[machine], city=town)
    return [setting.service for setting in expected(Params(personal_data=personal_data), site)]


def _town(town: City, *, authority: bool = True) -> City:
    plain = town.model_dump(mode="json", by_alias=True)
    plain["services"]["web"]["tls"] = "direct"
    plain["hosts"]["logs"]["roles"] = ["certificate-authority"] if authority else []
    return City.model_validate(plain)


def test_a_service_that_shows_what_it_must_passes() -> None:
    assert _judged() is Outcome.PASS


@pytest.mark.parametrize(
    "changes",
    [
        {"protocol": ""},
        {"verified": False},
        {"verified": "yes"},
        {"served": ":".join(["CD"] * 32)},
        {"served": "", "own": ""},
        {"accepted": ["TLSv1.1"]},
        {"accepted": None},
    ],
)
def test_a_service_that_shows_less_fails(changes: dict[str, Any]) -> None:
    assert _judged(**changes) is Outcome.FAIL


def test_a_service_that_was_not_asked_fails() -> None:
    assert worst(judge([SETTING], {"own": PRINT, "services": {}})) is Outcome.FAIL


@pytest.mark.parametrize("clear", ["", "15 03 01 00 02 02 46", "48 54 54 50 2f 31 2e 31 20 34 30 30"])
def test_an_alert_a_refusal_or_silence_is_no_answer_in_clear(clear: str) -> None:
    assert _judged(clear=clear) is Outcome.PASS


@pytest.mark.parametrize("clear", ["48 54 54 50 2f 31 2e 31 20 32 30 30", "48 54 54 50 2f 31 2e 30 20 32 30 30", "00"])
def test_an_answer_in_clear_fails(clear: str) -> None:
    assert _judged(clear=clear) is Outcome.FAIL


@pytest.mark.parametrize(
    ("clear", "outcome"), [("45 00 00 00", Outcome.PASS), ("52 00 00", Outcome.FAIL), ("", Outcome.FAIL)]
)
def test_postgresql_refuses_clear_text_with_an_error_and_asks_for_no_password(clear: str, outcome: Outcome) -> None:
    assert _judged(tls="postgresql", clear=clear) is outcome


def test_a_start_in_clear_is_a_message_of_postgresqls() -> None:
    setting = SETTING.model_copy(update={"tls": "postgresql", "account": "a", "database": "d"})
    message = bytes.fromhex(_clear_text(setting).replace("\\x", ""))
    assert int.from_bytes(message[:4], "big") == len(message)
    assert message[4:] == b"\0\3\0\0user\0a\0database\0d\0\0"


def test_services_over_tls_alone_are_asked(small_town: Town) -> None:
    assert _expected(_town(small_town()), "app", personal_data=False) == ["web"]


def test_services_that_personal_data_is_sent_to_are_told_by_their_flows(small_town: Town, flow_of: Flows) -> None:
    activity = small_town().model_dump(mode="json")["processing"]
    assert activity == {}
    plain = small_town(flows=[flow_of("one", "db", "app", "web")])
    assert _expected(_town(plain), "app", personal_data=True) == []
    sent = plain.flows[0].model_copy(update={"processing": "requests"})
    town = _town(plain).model_copy(update={"flows": (sent,)})
    assert _expected(town, "app", personal_data=True) == ["web"]


def test_nothing_is_asked_where_no_authority_signs(small_town: Town) -> None:
    assert _expected(_town(small_town(), authority=False), "app", personal_data=False) == []


def test_openssls_handshake_is_read() -> None:
    text = f"New, TLSv1.3, Cipher is TLS_AES_256_GCM_SHA384\nVerify return code: 0 (ok)\nsha256 Fingerprint={PRINT}\n"
    section = Section(text, 0)
    assert (shake.protocol(section), shake.verified(section), shake.fingerprint(section)) == (
        "TLSv1.3 TLS_AES_256_GCM_SHA384",
        True,
        PRINT,
    )


@pytest.mark.parametrize(
    "text",
    ["", "Verify return code: 62 (hostname mismatch)\n", "verify error:num=10\nVerify return code: 0 (ok)\n"],
)
def test_a_chain_that_was_not_found_good_is_not_verified(text: str) -> None:
    assert not shake.verified(Section(text, 0))


def test_no_handshake_has_no_protocol() -> None:
    assert shake.protocol(Section("New, (NONE), Cipher is (NONE)\n", 1)) == ""


def test_headers_are_read_to_the_first_empty_line() -> None:
    section = Section("HTTP/1.1 301 Moved\r\nLocation: https://x/\r\nServer: nginx\r\n\r\nX: y\n", 0)
    assert (shake.status(section), shake.headers(section)) == (301, {"location": "https://x/", "server": "nginx"})


@pytest.mark.parametrize("text", ["", "SSH-2.0-OpenSSH", "HTTP/1.1", "\r\n\r\n"])
def test_what_is_no_answer_over_http_has_no_status(text: str) -> None:
    assert shake.status(Section(text, 0)) == 0


def test_the_answers_of_another_address_are_none() -> None:
    moved = SETTING.model_copy(update={"port": 444})
    assert worst(judge([moved], {"own": PRINT, "services": {"https": SEEN}})) is Outcome.FAIL


def test_a_pass_tells_every_value_that_the_role_uses() -> None:
    facts = {"own": PRINT, "services": {"https": SEEN}}
    assert unseen("tls_listener", [SETTING.model_dump(mode="json")], facts) == ()
