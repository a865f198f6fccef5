from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from beffroi import kinds
from beffroi.city import City
from beffroi.coverage import unseen
from beffroi.errors import CouldNotLook
from beffroi.kinds import Site
from beffroi.kinds._sections import Section
from beffroi.kinds.certificate import Params, Setting, _certificate, expected, judge, weakened
from beffroi.verdict import Outcome, worst

Town = Callable[..., City]
Flows = Callable[..., dict[str, Any]]

DAY = 86_400
NOW = 1_800_000_000
NAMES = ["10.0.4.10", "app.hamlet.internal", "fd00:4::10"]
DIGEST = "ab" * 32
FILES = {
    "/etc/beffroi/tls": "root:root 0755 directory",
    "/etc/beffroi/tls/ca.crt": "root:root 0644 regular file",
    "/etc/beffroi/tls/machine.crt": "root:root 0644 regular file",
    "/etc/beffroi/tls/machine.key": "root:ssl-cert 0640 regular file",
}
CERTIFICATE = {
    "subject": "CN=app.hamlet.internal",
    "issuer": "CN=Beffroi hamlet",
    "not_before": NOW - DAY,
    "not_after": NOW + 89 * DAY,
    "names": NAMES,
}
FACTS: dict[str, Any] = {
    "files": FILES,
    "certificate": CERTIFICATE,
    "public": DIGEST,
    "key": DIGEST,
    "chain": True,
    "authority_ends": NOW + 900 * DAY,
    "authorities": "1",
    "now": NOW,
}


def _setting(judged: str) -> Setting:
    values = {"name": NAMES[1], "addresses": (NAMES[0], NAMES[2]), "authority": "bastion", "issuer": "Beffroi hamlet"}
    return Setting.model_validate({"judged": judged, "days": 90, "renew_days": 30, **values})


def _judged(judged: str, certificate: dict[str, object] | None = None, **changes: object) -> Outcome:
    facts = {**FACTS, "certificate": {**CERTIFICATE, **(certificate or {})}, **changes}
    return worst(judge([_setting(judged)], facts))


def _with_authority(town: City, *, encrypted: bool = True) -> City:
    logs = town.hosts["logs"].model_copy(update={"roles": ("certificate-authority",)})
    services = {
        name: service.model_copy(update={"tls": "direct"} if encrypted and name == "web" else {})
        for name, service in town.services.items()
    }
    return town.model_copy(update={"hosts": {**town.hosts, "logs": logs}, "services": services})


def _expected(town: City, machine: str) -> list[Setting]:
    return expected(Params(judged="identity"), Site(name=machine, machine=town.machines()[machine], city=town))


@pytest.mark.parametrize("judged", ["identity", "files", "lasting"])
def test_a_good_certificate_passes(judged: str) -> None:
    assert _judged(judged) is Outcome.PASS


@pytest.mark.parametrize(
    "names", [[], NAMES[:2], [*NAMES, "other.hamlet.internal"], ["10.0.4.10", "*.hamlet.internal", "fd00:4::10"]]
)
def test_other_names_than_the_machines_fail(names: list[str]) -> None:
    assert _judged("identity", {"names": names}) is Outcome.FAIL


def test_another_issuer_fails() -> None:
    assert _judged("identity", {"issuer": "CN=Elsewhere"}) is Outcome.FAIL


def test_a_chain_that_does_not_verify_fails() -> None:
    assert _judged("identity", chain=False) is Outcome.FAIL


@pytest.mark.parametrize("key", ["", "cd" * 32])
def test_a_key_that_is_not_the_certificates_fails(key: str) -> None:
    assert _judged("identity", key=key) is Outcome.FAIL


def test_two_unreadable_keys_do_not_match() -> None:
    assert _judged("identity", key="", public="") is Outcome.FAIL


@pytest.mark.parametrize("authorities", ["0", "2", ""])
def test_any_other_number_of_authorities_than_one_fails(authorities: str) -> None:
    assert _judged("identity", authorities=authorities) is Outcome.FAIL


@pytest.mark.parametrize("judged", ["identity", "lasting"])
def test_a_machine_without_a_certificate_fails(judged: str) -> None:
    facts = {**FACTS, "certificate": None, "public": "", "key": "", "chain": False, "authority_ends": 0}
    assert worst(judge([_setting(judged)], facts)) is Outcome.FAIL


@pytest.mark.parametrize("path", FILES)
@pytest.mark.parametrize(
    "held", ["root:root 0666 regular file", "svc:svc 0640 regular file", "root:root 0777 symbolic link"]
)
def test_files_that_others_may_change_fail(path: str, held: str) -> None:
    assert _judged("files", files={**FILES, path: held}) is Outcome.FAIL


def test_a_key_open_to_all_fails() -> None:
    files = {**FILES, "/etc/beffroi/tls/machine.key": "root:ssl-cert 0644 regular file"}
    assert _judged("files", files=files) is Outcome.FAIL


@pytest.mark.parametrize(("left", "outcome"), [(-1, Outcome.FAIL), (29, Outcome.FAIL), (30, Outcome.PASS)])
def test_a_certificate_fails_with_fewer_days_left_than_asked(left: int, outcome: Outcome) -> None:
    assert _judged("lasting", {"not_after": NOW + left * DAY}) is outcome


def test_a_certificate_of_the_future_fails() -> None:
    assert _judged("lasting", {"not_before": NOW + DAY}) is Outcome.FAIL


def test_a_certificate_that_lasts_too_long_fails() -> None:
    assert _judged("lasting", {"not_after": NOW + 3000 * DAY}) is Outcome.FAIL


def test_an_authority_near_its_end_fails() -> None:
    assert _judged("lasting", authority_ends=NOW + 29 * DAY) is Outcome.FAIL


def test_openssls_words_are_read() -> None:
    text = """subject=CN=log.hamlet.internal
issuer=CN=Beffroi hamlet
notBefore=2026-11-26 19:19:53Z
notAfter=2027-02-24 19:19:53Z
X509v3 Subject Alternative Name: 
    DNS:log.hamlet.internal, IP Address:10.99.20.13, IP Address:2001:DB8:99:14:0:0:0:13
"""  # noqa: W291 - as OpenSSL prints it
    assert _certificate(Section(text, 0)) == {
        "subject": "CN=log.hamlet.internal",
        "issuer": "CN=Beffroi hamlet",
        "not_before": 1_795_720_793,
        "not_after": 1_803_496_793,
        "names": ["10.99.20.13", "2001:db8:99:14::13", "log.hamlet.internal"],
    }


def test_what_is_no_certificate_is_none() -> None:
    assert _certificate(Section("Could not read certificate", 1)) is None


class _Silent:
    """A host that answers nothing."""

    def run(self, _: str) -> Any:  # noqa: ANN401 - testinfra's answer
        return type("Answer", (), {"rc": 0, "stdout": "", "stderr": ""})()


def test_a_machine_that_does_not_answer_could_not_be_looked_at() -> None:
    silent: Any = _Silent()
    with pytest.raises(CouldNotLook):
        kinds.load("certificate").observe(silent, [])


def test_who_offers_a_service_over_tls_has_a_certificate_for_its_name_and_addresses(small_town: Town) -> None:
    (setting,) = _expected(_with_authority(small_town()), "app")
    assert setting.names() == {"app.bourg.internal", "10.0.4.10", "fd00:0:0:4::10"}


@pytest.mark.parametrize("source", ["db", "servers", ["edge", "db"]])
def test_who_opens_a_flow_to_a_service_over_tls_has_a_certificate(
    small_town: Town, flow_of: Flows, source: str | list[str]
) -> None:
    town = small_town(flows=[flow_of("to-app", source, "app", "web")])
    assert _expected(_with_authority(town), "db")


def test_who_uses_the_internet_over_tls_needs_no_certificate(small_town: Town, flow_of: Flows) -> None:
    town = small_town(flows=[flow_of("out", "db", "internet", "web")])
    assert _expected(_with_authority(town), "db") == []


def test_a_gateways_certificate_leaves_out_its_address_on_the_internet(small_town: Town, flow_of: Flows) -> None:
    town = small_town(flows=[flow_of("to-app", "edge", "app", "web")])
    (setting,) = _expected(_with_authority(town), "edge")
    assert "10.0.1.2" not in setting.addresses
    assert "10.0.3.1" in setting.addresses


def test_a_town_without_an_authority_asks_for_nothing(small_town: Town) -> None:
    assert _expected(small_town(), "app") == []


def test_nobody_has_a_certificate_where_no_service_is_over_tls(small_town: Town) -> None:
    town = _with_authority(small_town(), encrypted=False)
    assert [name for name in town.machines() if _expected(town, name)] == []


def test_a_certificate_must_be_renewed_before_it_ends() -> None:
    with pytest.raises(ValidationError):
        Params(judged="lasting", days=30, renew_days=30)


@pytest.mark.parametrize(
    ("after", "answer"),
    [
        ({"judged": "files"}, True),
        ({"days": 120}, True),
        ({"renew_days": 10}, True),
        ({"days": 60}, False),
        ({"renew_days": 40}, False),
    ],
)
def test_weaker_values_are_told(after: dict[str, Any], answer: bool) -> None:  # noqa: FBT001 - what is expected
    before = Params(judged="lasting")
    assert weakened(before, before.model_copy(update=after)) is answer


def test_a_pass_tells_every_value_that_the_role_uses() -> None:
    parts = [_setting(judged).model_dump(mode="json") for judged in ("identity", "files", "lasting")]
    assert unseen("certificate", parts, FACTS) == ()
