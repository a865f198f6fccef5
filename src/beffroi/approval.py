"""Whether a written plan may be applied: it must still be what would be done, and a decision must approve it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from beffroi.errors import RefusedPlan
from beffroi.gate import Decision, Judgement, Strictness
from beffroi.messages import say
from beffroi.plan import Plan, misfits
from beffroi.report.visible import shorten

LONGEST = timedelta(days=30)
"""How long a decision approves: policies, waivers and the state of the world move on."""


@dataclass(frozen=True)
class Approval:
    """A plan that somebody wrote, and the gate's decision on it."""

    plan: Plan
    decision: Decision

    def require(self, actual: Plan, today: date) -> None:
        """Raise RefusedPlan unless `actual`, what would be done now, is this plan, and the decision approves it."""
        require_fit(self.plan, actual)
        require_approval(self.plan, self.decision, today)

    def require_still(self, judged_now: Decision) -> None:
        """Raise RefusedPlan when today's policies refuse what the decision did not know of.

        What stood before the change was let pass by a decision on regressions alone, and so it is again. What a
        predicate of the town's answered when it was run for the decision need not be asked again.
        """
        excused: set[tuple[str, str]] = set()
        if self.decision.strictness == Strictness.REGRESSIONS:
            excused = {(it.policy, it.subject) for it in self.decision.violations if it.known}
        fresh = [
            it
            for it in judged_now.refusals()
            if (it.policy, it.subject) not in excused and not (it.unanswered and it.policy in self.decision.policies)
        ]
        if fresh:
            reasons = "\n".join(f"{it.policy}: {it.field}: {it.told()}\n  -> {it.hint()}" for it in fresh)
            raise RefusedPlan(say("approval-not-now", count=len(fresh), reasons=reasons), hint=say("approval-again"))


def require_fit(wanted: Plan, actual: Plan) -> None:
    """Raise RefusedPlan, naming each part that differs, unless what would be done now is the plan that was written."""
    if wanted.digest == actual.digest:
        return
    parts = ", ".join(say(f"plan-part-{part}") for part in misfits(wanted, actual))
    raise RefusedPlan(
        say("approval-misfit", parts=parts, wanted=wanted.digest[:12], actual=actual.digest[:12]),
        hint=say("approval-misfit-hint"),
    )


def require_approval(plan: Plan, decision: Decision, today: date) -> None:
    """Raise RefusedPlan unless the decision is about this plan, accepts it, and is of these days."""
    if decision.plan != plan.digest:
        raise RefusedPlan(
            say("gate-other-plan", judged=shorten(decision.plan, 12), given=plan.digest[:12]),
            hint=say("approval-again"),
        )
    if decision.judgement != Judgement.ACCEPTED:
        policies = ", ".join(sorted({shorten(it.policy, 60) for it in decision.refusals()}))
        raise RefusedPlan(say(f"approval-{decision.judgement}", policies=policies), hint=say("approval-again"))
    if decision.today > today:
        raise RefusedPlan(say("approval-future", day=decision.today), hint=say("approval-again"))
    if today - decision.today > LONGEST:
        raise RefusedPlan(say("approval-old", day=decision.today, days=LONGEST.days), hint=say("approval-again"))
