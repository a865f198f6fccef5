"""The gate: judges a proposed city by the policies, before anything is deployed. Pure.

A Decision names the plan that it is about by the plan's digest; `apply` refuses one that names another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from enum import StrEnum

from beffroi import rules
from beffroi.city import City
from beffroi.errors import RefusedPlan
from beffroi.fieldpath import dotted
from beffroi.messages import say
from beffroi.policy import Level, Policy
from beffroi.rules import Proposal
from beffroi.verdict import Frozen


class Violation(Frozen):
    """A policy does not hold, about `subject`, which is written at `path` (resolve it with `Loaded.where`).

    It carries names, not sentences, so that a decision is the same value in every language.
    """

    policy: str
    rule: str
    level: Level
    subject: str
    path: tuple[str | int, ...]
    names: dict[str, str]

    @property
    def field(self) -> str:
        """Return the path as a person reads it: `flows.12.service`."""
        return dotted(self.path)

    def told(self, language: str | None = None) -> str:
        """Say what is wrong, in the reader's language (or in `language`)."""
        return say(f"rule-{self.rule.replace('_', '-')}", language=language, **self.names)

    def hint(self, language: str | None = None) -> str:
        """Say what to do next."""
        return say(f"rule-{self.rule.replace('_', '-')}-hint", language=language, **self.names)


class Judgement(StrEnum):
    """Whether a plan may be applied."""

    ACCEPTED = "accepted"
    REFUSED = "refused"


class Decision(Frozen):
    """What the gate said of one plan, on one day, by which policies: accepted unless a mandatory one is violated."""

    plan: str
    today: date
    policies: tuple[str, ...]
    violations: tuple[Violation, ...]

    @property
    def judgement(self) -> Judgement:
        """Return the gate's word on the plan."""
        return Judgement.REFUSED if self.of_level(Level.MANDATORY) else Judgement.ACCEPTED

    @property
    def accepted(self) -> bool:
        """Tell whether the plan may be applied."""
        return self.judgement == Judgement.ACCEPTED

    @property
    def exit_code(self) -> int:
        """Return the status for a CI job: 0 accepted, 1 refused."""
        return int(not self.accepted)

    def of_level(self, level: Level) -> tuple[Violation, ...]:
        """Return the violations of policies of `level`."""
        return tuple(violation for violation in self.violations if violation.level == level)

    def require(self, plan_digest: str) -> None:
        """Raise RefusedPlan unless this decision accepts the very plan whose digest is given."""
        if self.plan != plan_digest:
            names = {"judged": self.plan[:12], "given": plan_digest[:12]}
            raise RefusedPlan(say("gate-other-plan", **names), hint=say("gate-other-plan-hint"))
        refusals = self.of_level(Level.MANDATORY)
        if refusals:
            reasons = "\n".join(f"{it.policy}: {it.field}: {it.told()}\n  -> {it.hint()}" for it in refusals)
            raise RefusedPlan(say("gate-refused", count=len(refusals), reasons=reasons), hint=say("gate-refused-hint"))


def judge(city: City, policies: Mapping[str, Policy], today: date, plan_digest: str) -> Decision:
    """Return the decision on the plan of `plan_digest`, which proposes `city`: mandatory violations come first."""
    proposal = Proposal(city, today)
    found = [violation for policy in policies.values() for violation in violations(policy, proposal)]
    found.sort(key=lambda violation: violation.level != Level.MANDATORY)
    return Decision(plan=plan_digest, today=today, policies=tuple(sorted(policies)), violations=tuple(found))


def violations(policy: Policy, proposal: Proposal) -> Iterator[Violation]:
    """Yield where `proposal` breaks one policy, in the order of the town's files."""
    rule = rules.load(policy.rule)
    for breach in rule.find(proposal, rule.Params.model_validate(policy.params)):
        yield Violation(
            policy=policy.id,
            rule=policy.rule,
            level=policy.level,
            subject=breach.subject,
            path=breach.path,
            names=breach.names,
        )
