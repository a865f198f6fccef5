"""Which of a town's own predicates are run, for the verbs that judge: none, unless a person says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from enum import StrEnum

from beffroi.policy import Policy
from beffroi.reviewing import Proposed


class Trust(StrEnum):
    """Whose predicates are run: nobody's, those of the base as they stand there, or those of the change too."""

    NOBODY = "nobody"
    BASE = "base"
    CHANGE = "change"


def trusting(proposed: Proposed, trust: Trust, today: date) -> Proposed:
    """Return the change with what the trusted predicates answer about it, and about what stood before.

    Where the base has a policy, it is the base's predicate that judges, whatever the change makes of it.
    """
    policies = _trusted(proposed, trust)
    if not policies:
        return proposed
    from beffroi.predicates.asking import answered  # noqa: PLC0415 - nothing that runs a program, unless it is asked for

    own = answered(policies, proposed.proposal(today))
    found = {name: policies[name] for name, answer in own.items() if answer and isinstance(answer, tuple)}
    stood = replace(proposed, after=proposed.before, before=None) if proposed.before else None
    return replace(proposed, own=own, own_before=answered(found, stood.proposal(today)) if stood else {})


def _trusted(proposed: Proposed, trust: Trust) -> dict[str, Policy]:
    if trust == Trust.NOBODY:
        return {}
    judging = (
        proposed.policies() if trust == Trust.CHANGE else dict(proposed.before.policies if proposed.before else {})
    )
    return {name: policy for name, policy in judging.items() if policy.predicate is not None}
