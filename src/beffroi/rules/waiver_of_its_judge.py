"""A waiver cannot waive the policies that judge waivers: the gate does not let it, and it would deceive a reader."""

from __future__ import annotations

from collections.abc import Iterator

from . import Breach, Proposal, RuleModel, Waivable, load, waivable
from ._waivers import breach, numbered

WAIVABLE = Waivable.NEVER


class Params(RuleModel):
    """Nothing to set."""


def find(proposal: Proposal, _params: Params) -> Iterator[Breach]:
    """Yield the waivers of policies that can never be waived."""
    for index, waiver in numbered(proposal):
        policy = proposal.after.policies.get(waiver.policy or "")
        if policy and policy.rule and waivable(load(policy.rule)) == Waivable.NEVER:
            yield breach(index, waiver, "policy", policy=policy.id)
