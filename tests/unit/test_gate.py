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
    proposal = Example(why="x", town={"flows": [*flows, COPIES]}, today=TODAY).proposal(example_town(ROOT))
    return judge(proposal, POLICIES, "d1")


def _flow(name: str, source: str, destination: str, service: str, **more: str) -> dict[str, Any]:
    return {"name": name, "from": source, "to": destination, "service": service, **more}


COPIES = _flow("copies", "backup", "db", "ssh")
"""Without it, the example town keeps data that nobody copies."""
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
