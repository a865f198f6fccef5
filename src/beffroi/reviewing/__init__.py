"""Makes the review of a proposed change from two versions of a town's repository, or from one alone. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from beffroi.declaration import Declaration
from beffroi.errors import InvalidCity
from beffroi.gate import Strictness, excuse, judge
from beffroi.network.answer import answer
from beffroi.network.committed import proved
from beffroi.policy import Policy
from beffroi.review import Asked, Fault, Found, Review, Spot
from beffroi.rules import Commitment, Proposal
from beffroi.verdict import Frozen

from .blast import blast
from .controls import control_changes
from .flows import flow_changes
from .register import register_changes
from .spots import Version, spot_of

__all__ = [
    "Proposed",
    "Question",
    "Version",
    "commitment",
    "faulty",
    "judging",
    "review",
    "spot_of",
    "version",
]


@dataclass(frozen=True)
class Proposed:
    """A proposed version, and the one that it changes, if that can be read. `base` and `head` name them to a person."""

    after: Version
    before: Version | None = None
    base: str = ""
    head: str = ""


class Question(Frozen):
    """On what day, how strictly, and about which plan a change is judged."""

    today: date
    strictness: Strictness = Strictness.STRICT
    plan: str = ""
    steps: tuple[str, ...] | None = None


def judging(after: Mapping[str, Policy], before: Mapping[str, Policy] | None) -> dict[str, Policy]:
    """Return the policies that judge a change: the proposed ones, and those of the base as they stand there.

    So a change cannot disarm its own judge: a policy that it drops or rewrites still judges it.
    """
    return {**after, **(before or {})}


def faulty(town: str, error: InvalidCity, *, base: str = "", head: str = "") -> Review:
    """Return the review of files that hold mistakes: nothing else can be said of them."""
    faults = (
        Fault(spot=Spot(file=it.file, line=it.line), field=it.field, reason=it.reason, hint=it.hint)
        for it in error.problems
    )
    return Review(town=town, base=base, head=head, faults=tuple(faults))


def review(proposed: Proposed, question: Question) -> Review:
    """Return all that there is to say of a proposed change; raise TooComplexError when the network cannot be proved."""
    after, before = proposed.after, proposed.before
    policies = judging(after.policies, before.policies if before else None)
    proposal = Proposal(commitment(after), question.today, commitment(before) if before else None)
    decision = judge(proposal, policies, question.plan, question.strictness)
    city = after.declared.city
    return Review(
        town=city.town.name,
        base=proposed.base,
        head=proposed.head,
        decision=decision,
        found=tuple(
            Found(violation=it, spot=spot_of(it.source, it.path, after, before), waiver=excuse(it, proposal))
            for it in decision.violations
        ),
        deviations=answer(proved(city), {}).deviations,
        flows=flow_changes(before, after) if before else (),
        flows_compared=before is not None,
        controls=control_changes(before, after) if before else (),
        register_=register_changes(before, after) if before else (),
        blast=blast(before.declared, after.declared) if before else (),
        steps=question.steps,
        asked=tuple(_asked(policies[name]) for name in decision.policies),
        flow_spots={flow.name: after.spot(("flows", index)) for index, flow in enumerate(city.flows)},
        spot=after.spot(("town",)),
    )


def _asked(policy: Policy) -> Asked:
    return Asked(policy=policy.id, title=policy.title, rationale=policy.rationale, level=policy.level)


def version(declared: Declaration, policies: Mapping[str, Policy], *, prefix: str = "") -> Version:
    """Return a version of the repository; `prefix` leads from its top to the content, with a slash at its end."""
    return Version(declared, policies, prefix)


def commitment(of: Version) -> Commitment:
    """Return what a version commits to, as policies judge it."""
    declared = of.declared
    return Commitment(declared.city, declared.controls, of.policies, declared.waivers)
