"""A policy goes on refusing what it refused."""

from __future__ import annotations

from collections.abc import Iterator

from . import Breach, Proposal, RuleModel, Source, Waivable

ON_CHANGE = True
WAIVABLE = Waivable.IF_IT_STOOD

_LOWEST_FIRST = ("advisory", "remediate", "mandatory")


class Params(RuleModel):
    """Nothing to set."""


def find(proposal: Proposal, _params: Params) -> Iterator[Breach]:
    """Yield the policies whose level is lower: an advice refuses nothing, a remedy no longer makes anybody decide."""
    if proposal.before is None:
        return
    for name, policy in proposal.after.policies.items():
        old = proposal.before.policies.get(name)
        if old and _LOWEST_FIRST.index(policy.level.value) < _LOWEST_FIRST.index(old.level.value):
            names = {"policy": name, "before": old.level.value, "after": policy.level.value}
            yield Breach(name, (name, "level"), names, Source.POLICIES)
