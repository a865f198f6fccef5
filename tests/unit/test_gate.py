from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from beffroi.errors import RefusedPlan
from beffroi.gate import Decision, Judgement, judge
from beffroi.policy import Example, Level, example_town, load_policies

ROOT = Path(__file__).parents[2]
POLICIES = load_policies(ROOT)
TODAY = date(2026, 1, 1)


def _judge(*flows: dict[str, Any]) -> Decision:
    proposal = Example(why="x", town={"flows": [*flows, COPIES, ONWARD]}, today=TODAY).proposal(example_town(ROOT))
    return judge(proposal, POLICIES, "d1")


def _flow(name: str, source: str, destination: str, service: str, **more: str) -> dict[str, Any]:
    return {"name": name, "from": source, "to": destination, "service": service, **more}


COPIES = _flow("copies", "backup", "db", "ssh")
"""Without it, the example town keeps data that nobody copies."""
ONWARD = _flow("onward", "web", "db", "https", processing="requests")
"""Without it, the portal would pass on to nobody what it is brought."""
PLAIN = _flow("plain", "internet", "web", "http", processing="requests")
SHORTCUT = _flow("shortcut", "desks", "db", "ssh")


def test_a_town_without_violation_is_accepted() -> None:
    decision = _judge()
    assert (decision.judgement, decision.violations, decision.exit_code) == (Judgement.ACCEPTED, (), 0)


def test_an_advisory_violation_speaks_and_does_not_refuse() -> None:
    decision = _judge(PLAIN)
    assert [it.policy for it in decision.violations] == ["data/encrypted-in-transit"]
    assert decision.accepted


def test_a_mandatory_violation_refuses() -> None:
    decision = _judge(SHORTCUT)
    assert (decision.judgement, decision.exit_code) == (Judgement.REFUSED, 1)


def test_mandatory_violations_come_first() -> None:
    levels = [it.level for it in _judge(PLAIN, SHORTCUT).violations]
    assert levels == sorted(levels, key=lambda level: level != Level.MANDATORY)
    assert set(levels) == {Level.MANDATORY, Level.ADVISORY}


def test_a_violation_carries_its_subject_and_its_place() -> None:
    [violation] = _judge(PLAIN).violations
    assert (violation.subject, violation.field) == ("plain", "flows.0.service")


def test_a_decision_is_the_same_in_every_language(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEFFROI_LANG", "fr")
    french = _judge(SHORTCUT).model_dump_json()
    monkeypatch.setenv("BEFFROI_LANG", "en")
    assert _judge(SHORTCUT).model_dump_json() == french


def test_a_decision_survives_its_json() -> None:
    decision = _judge(PLAIN, SHORTCUT)
    assert Decision.model_validate_json(decision.model_dump_json()) == decision


def test_an_accepted_plan_may_be_applied() -> None:
    _judge(PLAIN).require("d1")


def test_a_decision_about_another_plan_is_refused() -> None:
    with pytest.raises(RefusedPlan, match="d2"):
        _judge().require("d2")


def test_a_refusal_names_the_policy_and_the_flow() -> None:
    with pytest.raises(RefusedPlan, match=r"ssh-through-the-bastion: flows\.0\.from: .*shortcut"):
        _judge(SHORTCUT).require("d1")


def test_a_decision_names_every_policy_that_judged() -> None:
    assert _judge().policies == tuple(sorted(POLICIES))


STORE_GOES: dict[str, Any] = {"hosts": {"recorder": None}, "processing": {"surveillance": None}}
OLD = {"flows/one": {"rule": "flow_ends_within", "level": "mandatory"}}


def _waiver(policy: str, subject: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - any field
    fixed = {"owner": "it", "approver": "dpo", "reason": {"fr": "x", "en": "x"}, "compensating": "x"}
    return {"policy": policy, "subject": subject, "until": date(2026, 6, 30), **fixed, **more}


def _decided(asked: set[str], **fields: Any) -> Decision:  # noqa: ANN401 - an example's fields
    example = Example.model_validate({"why": "x", "today": TODAY, **fields})
    policies = {name: policy for name, policy in POLICIES.items() if name in asked}
    return judge(example.proposal(example_town(ROOT)), policies)


def test_a_waiver_that_comes_with_a_change_lets_it_lose_a_store() -> None:
    waiver = _waiver("changes/stores-never-vanish", "footage")
    decision = _decided({"changes/stores-never-vanish"}, town=STORE_GOES, waivers=[waiver])
    assert [it.waived for it in decision.violations] == [True]
    assert decision.accepted


def test_a_waiver_that_is_over_lets_nothing_pass() -> None:
    waiver = _waiver("changes/stores-never-vanish", "footage", until=date(2025, 12, 31))
    assert not _decided({"changes/stores-never-vanish"}, town=STORE_GOES, waivers=[waiver]).accepted


def test_a_change_cannot_bring_the_waiver_that_disarms_its_judge() -> None:
    waiver = _waiver("judge/none-vanishes", "flows/one")
    assert not _decided({"judge/none-vanishes"}, policies_before=OLD, waivers=[waiver]).accepted


def test_a_policy_goes_under_a_waiver_that_stood() -> None:
    waiver = _waiver("judge/none-vanishes", "flows/one")
    decision = _decided({"judge/none-vanishes"}, policies_before=OLD, waivers=[waiver], waivers_before=[waiver])
    assert decision.accepted
    assert decision.violations[0].waived


def test_a_change_cannot_prolong_the_waiver_that_disarms_its_judge() -> None:
    waiver = _waiver("judge/none-vanishes", "flows/one")
    stood = {**waiver, "until": date(2025, 12, 31)}
    decision = _decided({"judge/none-vanishes"}, policies_before=OLD, waivers=[waiver], waivers_before=[stood])
    assert not decision.accepted


def test_what_judges_waivers_is_never_waived() -> None:
    own = _waiver("flows/one", "pilot", approver="it")
    excuse = _waiver("waivers/granted-by-another", "flows/one: pilot")
    decision = _decided({"waivers/granted-by-another"}, waivers=[own, excuse], waivers_before=[own, excuse])
    assert not decision.accepted


def test_what_a_change_does_is_not_asked_without_what_stood_before() -> None:
    proposal = Example(why="x").proposal(example_town(ROOT))
    decision = judge(replace(proposal, before=None), POLICIES)
    assert "changes/stores-never-vanish" in decision.unasked
    assert "waivers/none-is-an-orphan" in decision.policies


def test_an_orphan_that_asks_about_orphans_ends() -> None:
    policies = {"waivers/none-is-an-orphan": {"rule": "waiver_orphan", "level": "mandatory"}}
    waiver = _waiver("waivers/none-is-an-orphan", "x")
    decision = _decided(
        {"waivers/none-is-an-orphan", "waivers/none-excuses-a-waiver"}, policies=policies, waivers=[waiver]
    )
    assert [it.policy for it in decision.violations] == ["waivers/none-excuses-a-waiver"]
