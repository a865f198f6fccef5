"""A change that brings its own waiver, or prolongs one, says so: whoever merges it grants it."""

from __future__ import annotations

from collections.abc import Iterator

from . import Breach, Proposal, RuleModel
from ._waivers import breach, numbered

ON_CHANGE = True


class Params(RuleModel):
    """Nothing to set."""


def find(proposal: Proposal, _params: Params) -> Iterator[Breach]:
    """Yield the waivers that did not stand, or that count for longer; of policies, those of the mandatory alone."""
    if proposal.before is None:
        return
    ends = {waiver.called: waiver.until for waiver in proposal.before.waivers}
    for index, waiver in numbered(proposal):
        versions = [it.policies.get(waiver.policy or "") for it in (proposal.before, proposal.after)]
        levels = {policy.level.value for policy in versions if policy}
        excuses = not levels or "mandatory" in levels
        if excuses and (waiver.called not in ends or ends[waiver.called] < waiver.until):
            names = {"until": waiver.until.isoformat(), "owner": waiver.owner, "approver": waiver.approver}
            yield breach(index, waiver, "until", **names)
