"""A waiver names a policy or a control of the town, and for a control one of its machines: else it waives nothing."""

from __future__ import annotations

from collections.abc import Iterator

from . import Breach, Proposal, RuleModel, Waivable
from ._waivers import breach, numbered

WAIVABLE = Waivable.NEVER


class Params(RuleModel):
    """Nothing to set."""


def find(proposal: Proposal, _params: Params) -> Iterator[Breach]:
    """Yield the waivers that name something which does not exist, each once."""
    town = proposal.after
    for index, waiver in numbered(proposal):
        if waiver.policy is not None and waiver.policy not in town.policies:
            yield breach(index, waiver, "policy", name=waiver.policy)
        elif waiver.control is not None and waiver.control not in town.controls:
            yield breach(index, waiver, "control", name=waiver.control)
        elif waiver.control is not None and not town.city.manages(waiver.subject):
            yield breach(index, waiver, "subject", name=waiver.subject)
