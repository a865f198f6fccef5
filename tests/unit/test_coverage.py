from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from beffroi.coverage import coverage, unseen
from beffroi.desired import Check, DesiredState
from beffroi.kinds import config_file, time_sync
from beffroi.verdict import Finding, Observation

SSHD = {"option": "PermitRootLogin", "value": "no"}
SEEN = {"effective": {"permitrootlogin": "no"}, "exceptions": [], "unread": []}
CLOCK = {"reference": "192.0.2.1", "offset": 0.001, "leap": "Normal", "boot": "enabled", "listens": True, "allowed": []}


def _clock(**values: Any) -> dict[str, Any]:  # noqa: ANN401 - a setting's values
    setting = time_sync.Setting(**{"part": "client", "sources": ("192.0.2.1",), "max_offset_ms": 100, **values})
    return setting.model_dump(mode="json")


def _file() -> tuple[dict[str, Any], dict[str, Any]]:
    setting = config_file.Setting(
        path="/etc/motd", content="hello", owner="root", group="root", mode="0644", service="ssh.service"
    )
    held = {"mode": "0644", "owner": "root", "group": "root", "type": "regular file", "sha256": setting.digest()}
    return setting.model_dump(mode="json"), {"files": {"/etc/motd": held}}


def test_a_value_that_the_check_compares_is_covered() -> None:
    assert unseen("sshd_option", [SSHD], SEEN) == ()


def test_every_value_of_a_file_is_covered_but_what_reads_it_which_has_its_reason() -> None:
    setting, facts = _file()
    assert unseen("config_file", [setting], facts) == ()
    assert "service" in config_file.MEANS


@pytest.fixture
def blind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the check of clocks forget to whom a server gives the time."""
    judge = time_sync.judge

    def forgetful(settings: Sequence[time_sync.Setting], facts: dict[str, Any]) -> list[Finding]:
        return [finding for finding in judge(settings, facts) if finding.subject != "gives it to"]

    monkeypatch.setattr(time_sync, "judge", forgetful)


@pytest.mark.usefixtures("blind")
def test_a_value_that_could_be_any_other_is_named() -> None:
    assert unseen("time_sync", [_clock(part="server", allow=("192.0.2.0/24",))], CLOCK) == ("allow",)


def test_a_value_that_asks_for_nothing_has_nothing_to_be_seen() -> None:
    assert unseen("time_sync", [_clock()], CLOCK) == ()


def _desired(*settings: dict[str, Any]) -> DesiredState:
    checks = [Check(host=f"h{n}", control="time/x", kind="time_sync", settings=(it,)) for n, it in enumerate(settings)]
    return DesiredState(checks=tuple(checks))


@pytest.mark.usefixtures("blind")
def test_only_what_passes_is_asked_about() -> None:
    desired = _desired(_clock(), _clock(part="server", allow=("192.0.2.0/24",)), _clock(), _clock())
    facts: list[dict[str, Any] | None] = [CLOCK, CLOCK, {**CLOCK, "leap": "Not synchronised"}, None]
    seen = [Observation(host=f"h{n}", kind="time_sync", facts=it) for n, it in enumerate(facts)]
    found, asked = coverage(desired, seen)
    assert asked == 2
    assert [(it.host, it.fields) for it in found] == [("h1", ("allow",))]


@pytest.mark.parametrize("facts", [{}, {"effective": None}, {"effective": {"permitrootlogin": "yes"}}])
def test_facts_that_do_not_pass_say_nothing(facts: dict[str, Any]) -> None:
    seen = Observation(host="h", kind="sshd_option", facts=facts)
    desired = DesiredState(checks=(Check(host="h", control="ssh/x", kind="sshd_option", settings=(SSHD,)),))
    assert coverage(desired, [seen]) == ((), 0)
