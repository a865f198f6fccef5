"""The gate: judges a proposed change of a town by the policies, before anything is deployed. Pure.

A Decision names the plan that it is about by the plan's digest; `apply` refuses one that names another.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from enum import StrEnum

from beffroi import rules
from beffroi.errors import RefusedPlan
from beffroi.messages import say
from beffroi.network.invariants import Invariant
from beffroi.policy import Level, Policy
from beffroi.replaced import Replaced
from beffroi.rules import Proposal, never_arrives
from beffroi.verdict import Frozen
from beffroi.violation import OWN, Violation, left_by, violations
from beffroi.waiver import Waiver

PROVED = "never_arrives"
"""The rule whose policies ask for a proof of the network."""

__all__ = ["Decision", "Judgement", "Strictness", "Violation", "compares", "excuse", "judge", "violations"]


class Strictness(StrEnum):
    """What refuses a change: every violation that is left (strict), or those that it brings (regressions)."""

    STRICT = "strict"
    REGRESSIONS = "regressions"


class Judgement(StrEnum):
    """Whether a plan may be applied; undecided when whether a mandatory policy holds cannot be told."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNDECIDED = "undecided"


_EXITS = {Judgement.ACCEPTED: 0, Judgement.REFUSED: 1, Judgement.UNDECIDED: 2}


class Decision(Frozen):
    """What the gate said of one plan, on one day, by which policies: accepted unless a mandatory one is violated.

    `unasked` are the policies about what a change does, where there was nothing to compare with.
    """

    plan: str
    today: date
    strictness: Strictness = Strictness.STRICT
    policies: tuple[str, ...]
    unasked: tuple[str, ...] = ()
    violations: tuple[Violation, ...]

    @property
    def judgement(self) -> Judgement:
        """Return the gate's word on the plan."""
        refusals = self.refusals()
        if any(not violation.doubtful for violation in refusals):
            return Judgement.REFUSED
        return Judgement.UNDECIDED if refusals else Judgement.ACCEPTED

    @property
    def accepted(self) -> bool:
        """Tell whether the plan may be applied."""
        return self.judgement == Judgement.ACCEPTED

    @property
    def exit_code(self) -> int:
        """Return the status for a CI job: 0 accepted, 1 refused, 2 undecided."""
        return _EXITS[self.judgement]

    def refusals(self) -> tuple[Violation, ...]:
        """Return the violations in the way: all that stand, or the new ones where regressions alone count."""
        strict = self.strictness == Strictness.STRICT
        return tuple(it for it in self.violations if it.stands and (strict or not it.known))

    def of_level(self, level: Level) -> tuple[Violation, ...]:
        """Return the violations of policies of `level`."""
        return tuple(violation for violation in self.violations if violation.level == level)

    def require(self, plan_digest: str) -> None:
        """Raise RefusedPlan unless this decision accepts the very plan whose digest is given."""
        if self.plan != plan_digest:
            names = {"judged": self.plan[:12], "given": plan_digest[:12]}
            raise RefusedPlan(say("gate-other-plan", **names), hint=say("gate-other-plan-hint"))
        refusals = self.refusals()
        if refusals:
            reasons = "\n".join(f"{it.policy}: {it.field}: {it.told()}\n  -> {it.hint()}" for it in refusals)
            raise RefusedPlan(say("gate-refused", count=len(refusals), reasons=reasons), hint=say("gate-refused-hint"))


def judge(
    proposal: Proposal,
    policies: Mapping[str, Policy],
    plan_digest: str = "",
    strictness: Strictness = Strictness.STRICT,
) -> Decision:
    """Return the decision on the plan of `plan_digest`, which makes `proposal` so: mandatory violations come first."""
    asked = {name: policy for name, policy in policies.items() if proposal.before or not compares(policy)}
    found = _remedies(_violations(asked.values(), proposal), policies, proposal)
    found.sort(key=lambda violation: list(Level).index(violation.level))
    broken = {violation.policy for violation in found}
    known = _known([policy for name, policy in asked.items() if name in broken], proposal)
    return Decision(
        plan=plan_digest,
        today=proposal.today,
        strictness=strictness,
        policies=tuple(sorted(asked)),
        unasked=tuple(sorted(policies.keys() - asked.keys())),
        violations=tuple(
            it.model_copy(update={"known": _is_known(it, known), "waived": excuse(it, proposal) is not None})
            for it in found
        ),
    )


def invariants(policies: Mapping[str, Policy]) -> tuple[Invariant, ...]:
    """Return the invariants of the network that policies will have proved, in the order in which they are asked."""
    wanted = [policy.params for policy in policies.values() if policy.rule == PROVED]
    return tuple(never_arrives.Params.model_validate(params) for params in wanted)


def _violations(policies: Collection[Policy], proposal: Proposal) -> list[Violation]:
    """Return all that breaks some policies, those of one rule prepared together."""
    by_rule: dict[str, list[Policy]] = {}
    for policy in policies:
        if policy.rule:
            by_rule.setdefault(policy.rule, []).append(policy)
    for name, several in by_rule.items():
        rule = rules.load(name)
        rules.prepare(rule, proposal, [rule.Params.model_validate(policy.params) for policy in several])
    return [violation for policy in policies for violation in violations(policy, proposal)]


def _remedies(found: list[Violation], policies: Mapping[str, Policy], proposal: Proposal) -> list[Violation]:
    """Return the violations, each with the values that its remedy replaces, if the policy then holds of its subject."""
    made: dict[tuple[str, str], list[Replaced]] = {}
    for each in proposal.after.replaced:
        made.setdefault((each.policy, each.subject), []).append(each)
    left = {
        (name, breach.subject)
        for name in {name for name, _ in made} & policies.keys()
        for breach in left_by(policies[name], proposal.city)
    }
    return [
        it.model_copy(update={"replaced": tuple(made[_same(it)])})
        if it.level == Level.REMEDIATE and _same(it) in made.keys() - left
        else it
        for it in found
    ]


def compares(policy: Policy) -> bool:
    """Tell whether a policy is about what a change does: it is not asked where nothing stood before."""
    return policy.rule is not None and rules.compares(rules.load(policy.rule), policy.params)


def _known(policies: Sequence[Policy], proposal: Proposal) -> set[tuple[str, str]]:
    """Return what stood before the change already; what a change itself does is never known."""
    if proposal.before is None:
        return set()
    stood = Proposal(proposal.before, proposal.today)
    found = _violations([policy for policy in policies if not compares(policy)], stood)
    return {_same(it) for it in found if not it.unanswered}


def _is_known(violation: Violation, known: set[tuple[str, str]]) -> bool:
    return _same(violation) in known and not violation.unanswered


def _same(violation: Violation) -> tuple[str, str]:
    return violation.policy, violation.subject


def excuse(violation: Violation, proposal: Proposal) -> Waiver | None:
    """Return the waiver of the proposal that lets a violation pass today, if one does."""
    if violation.unanswered:
        return None  # nobody knows what would be accepted
    waivers = [it for it in proposal.after.waivers if it.policy == violation.policy and it.subject == violation.subject]
    plain = violation.rule in {"schema", OWN}
    lets_pass = rules.Waivable.ALWAYS if plain else rules.waivable(rules.load(violation.rule))
    if lets_pass == rules.Waivable.NEVER:
        return None
    if lets_pass == rules.Waivable.IF_IT_STOOD:
        stood = proposal.before.waivers if proposal.before else ()
        waivers = [waiver for waiver in waivers if waiver in stood]
    return next((waiver for waiver in waivers if waiver.counts(proposal.today)), None)
