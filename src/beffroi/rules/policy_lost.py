"""A policy that judged what stood is not dropped by what is to be judged."""

from __future__ import annotations

from collections.abc import Iterator

from . import Breach, Proposal, RuleModel, Source, Waivable

ON_CHANGE = True
WAIVABLE = Waivable.IF_IT_STOOD


class Params(RuleModel):
    """Nothing to set."""


def find(proposal: Proposal, _params: Params) -> Iterator[Breach]:
    """Yield the policies that are gone."""
    if proposal.before is None:
        return
    for name in sorted(proposal.before.policies.keys() - proposal.after.policies.keys()):
        level = proposal.before.policies[name].level.value
        yield Breach(name, (name,), {"policy": name, "level": level}, Source.POLICIES)
