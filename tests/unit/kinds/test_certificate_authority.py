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
from beffroi.kinds.certificate_authority import _HELD, Params, Setting, _certificate, _count, expected, judge, weakened
from beffroi.verdict import Outcome, worst

Town = Callable[..., City]

DAY = 86_400
NOW = 1_800_000_000
DIGEST = "ab" * 32
CERTIFICATE = {"subject": "CN=Beffroi bourg", "issuer": "CN=Beffroi bourg", "not_after": NOW + 900 * DAY, "signs": True}
FACTS: dict[str, Any] = {
    "files": dict(_HELD),
    "certificate": CERTIFICATE,
    "public": DIGEST,
    "key": DIGEST,
    "entries": 3,
    "lines": 3,
    "serial": 1,
    "now": NOW,
}


def _judged(judged: str, **changes: object) -> Outcome:
    setting = Setting.model_validate({"judged": judged, "name": "Beffroi bourg", "days": 3650, "renew_days": 365})
    return worst(judge([setting], {**FACTS, **changes}))


def _town(town: City) -> City:
    logs = town.hosts["logs"].model_copy(update={"roles": ("certificate-authority",)})
    return town.model_copy(update={"hosts": {**town.hosts, "logs": logs}})


def _expected(town: City, machine: str) -> list[Setting]:
    return expected(Params(judged="files"), Site(name=machine, machine=town.machines()[machine], city=town))


@pytest.mark.parametrize("judged", ["files", "certificate"])
def test_an_authority_in_order_passes(judged: str) -> None:
    assert _judged(judged) is Outcome.PASS


@pytest.mark.parametrize("path", _HELD)
def test_a_file_open_to_others_fails(path: str) -> None:
    assert _judged("files", files={**_HELD, path: "root:root 0755 directory"}) is Outcome.FAIL


@pytest.mark.parametrize("path", _HELD)
def test_a_file_that_is_missing_fails(path: str) -> None:
    assert _judged("files", files={name: held for name, held in _HELD.items() if name != path}) is Outcome.FAIL


@pytest.mark.parametrize("changes", [{"lines": None, "entries": None}, {"entries": 2}, {"serial": 0}, {"serial": None}])
def test_a_list_of_what_was_signed_that_cannot_be_read_fails(changes: dict[str, Any]) -> None:
    assert _judged("files", **changes) is Outcome.FAIL


def test_an_authority_that_has_signed_nothing_yet_passes() -> None:
    assert _judged("files", entries=0, lines=0) is Outcome.PASS


@pytest.mark.parametrize(
    "changes",
    [{"subject": "CN=Elsewhere"}, {"issuer": "CN=Elsewhere"}, {"signs": False}, {"not_after": NOW + 364 * DAY}],
)
def test_a_certificate_that_is_not_the_authoritys_or_ends_soon_fails(changes: dict[str, Any]) -> None:
    assert _judged("certificate", certificate={**CERTIFICATE, **changes}) is Outcome.FAIL


@pytest.mark.parametrize("changes", [{"key": ""}, {"key": "", "public": ""}, {"key": "cd" * 32}])
def test_a_key_that_is_not_the_certificates_fails(changes: dict[str, str]) -> None:
    assert _judged("certificate", **changes) is Outcome.FAIL


def test_a_machine_without_the_authoritys_certificate_fails() -> None:
    assert _judged("certificate", certificate=None) is Outcome.FAIL


def test_the_machine_that_plays_the_role_holds_the_authority(small_town: Town) -> None:
    town = _town(small_town())
    assert [(name, bool(_expected(town, name))) for name in town.machines() if _expected(town, name)] == [
        ("logs", True)
    ]


def test_a_town_without_an_authority_asks_for_nothing(small_town: Town) -> None:
    town = small_town()
    assert [name for name in town.machines() if _expected(town, name)] == []


def test_an_authority_must_be_renewed_before_it_ends() -> None:
    with pytest.raises(ValidationError):
        Params(judged="files", days=300, renew_days=300)


def test_openssls_words_are_read() -> None:
    text = (
        "subject=CN=Beffroi bourg\nissuer=CN=Beffroi bourg\nnotAfter=2027-02-24 19:19:53Z\n"
        "X509v3 Basic Constraints: critical\n    CA:TRUE, pathlen:0\n"
    )
    assert _certificate(Section(text, 0)) == {**CERTIFICATE, "not_after": 1_803_496_793}


@pytest.mark.parametrize(("text", "count"), [("3\n", 3), ("0\n", 0), ("grep: no such file", None)])
def test_what_could_not_be_counted_is_none(text: str, count: int | None) -> None:
    assert _count(Section(text, 0)) == count


class _Silent:
    """A host that answers nothing."""

    def run(self, _: str) -> Any:  # noqa: ANN401 - testinfra's answer
        return type("Answer", (), {"rc": 0, "stdout": "", "stderr": ""})()


def test_a_machine_that_does_not_answer_could_not_be_looked_at() -> None:
    silent: Any = _Silent()
    with pytest.raises(CouldNotLook):
        kinds.load("certificate_authority").observe(silent, [])


@pytest.mark.parametrize(
    ("after", "answer"),
    [({"judged": "certificate"}, True), ({"days": 7000}, True), ({"renew_days": 30}, True), ({"days": 1000}, False)],
)
def test_weaker_values_are_told(after: dict[str, Any], answer: bool) -> None:  # noqa: FBT001 - what is expected
    before = Params(judged="files")
    assert weakened(before, before.model_copy(update=after)) is answer


def test_a_pass_tells_every_value_that_the_role_uses() -> None:
    values = {"name": "Beffroi bourg", "days": 3650, "renew_days": 365}
    assert unseen("certificate_authority", [{"judged": it, **values} for it in ("files", "certificate")], FACTS) == ()
