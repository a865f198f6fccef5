"""A written plan is applied only while it is what would be done, and a decision of these days accepts it."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from written import DECISION, PLAN, VIOLATION

from beffroi.approval import LONGEST, Approval
from beffroi.errors import RefusedPlan
from beffroi.gate import Decision, Strictness, Violation
from beffroi.plan import Plan

DAY = date(2026, 1, 1)
ACCEPTED = DECISION.model_copy(update={"violations": ()})


def _refusal(decision: Decision, actual: Plan = PLAN, today: date = DAY) -> str:
    with pytest.raises(RefusedPlan) as refused:
        Approval(PLAN, decision).require(actual, today)
    assert refused.value.hint
    return refused.value.what


def _said_again(decision: Decision, *violations: Violation) -> None:
    now = DECISION.model_copy(update={"violations": violations, "strictness": Strictness.STRICT})
    Approval(PLAN, decision).require_still(now)


def test_an_accepted_plan_that_fits_may_be_applied() -> None:
    Approval(PLAN, ACCEPTED).require(PLAN, DAY)


def test_a_plan_that_no_longer_fits_names_every_part() -> None:
    moved = PLAN.model_copy(update={"steps": (), "rulesets": {}})
    assert "no longer fits: provisioning steps, rulesets (" in _refusal(ACCEPTED, moved)


def test_a_decision_on_another_plan_approves_nothing() -> None:
    assert "is about plan other" in _refusal(ACCEPTED.model_copy(update={"plan": "other"}))


def test_a_refused_plan_names_the_policies() -> None:
    assert _refusal(DECISION) == "the gate refused this plan: network/ssh-through-the-bastion"


def test_an_undecided_plan_is_not_applied() -> None:
    doubt = VIOLATION.model_copy(update={"doubtful": True})
    assert "could not tell" in _refusal(DECISION.model_copy(update={"violations": (doubt,)}))


def test_a_decision_says_nothing_that_moves_a_terminal() -> None:
    hostile = VIOLATION.model_copy(update={"policy": "\x1b]0;x\x07", "rule": "no-such-rule"})
    assert "\x1b" not in _refusal(DECISION.model_copy(update={"violations": (hostile,)}))
    assert "\x1b" not in _refusal(DECISION.model_copy(update={"plan": "\x1b[2J"}))


@pytest.mark.parametrize(("days", "good"), [(0, True), (LONGEST.days, True), (LONGEST.days + 1, False), (-1, False)])
def test_a_decision_approves_for_thirty_days(days: int, *, good: bool) -> None:
    today = DAY + timedelta(days=days)
    if good:
        Approval(PLAN, ACCEPTED).require(PLAN, today)
    else:
        assert "the decision is of 2026-01-01" in _refusal(ACCEPTED, today=today)


def test_what_the_policies_accept_today_too_may_be_applied() -> None:
    _said_again(ACCEPTED)


def test_what_the_policies_of_today_refuse_is_refused() -> None:
    with pytest.raises(RefusedPlan, match="today's policies refuse"):
        _said_again(ACCEPTED, VIOLATION)


def test_what_stood_before_is_excused_where_regressions_alone_count() -> None:
    known = VIOLATION.model_copy(update={"known": True})
    _said_again(DECISION.model_copy(update={"strictness": Strictness.REGRESSIONS, "violations": (known,)}), VIOLATION)


def test_what_is_new_is_not_excused_where_regressions_alone_count() -> None:
    known = VIOLATION.model_copy(update={"known": True, "subject": "another"})
    with pytest.raises(RefusedPlan):
        _said_again(
            DECISION.model_copy(update={"strictness": Strictness.REGRESSIONS, "violations": (known,)}), VIOLATION
        )


def test_what_a_strict_decision_knew_is_not_excused() -> None:
    known = VIOLATION.model_copy(update={"known": True})
    with pytest.raises(RefusedPlan):
        _said_again(DECISION.model_copy(update={"violations": (known,)}), VIOLATION)
