"""Who asks for a waiver does not grant it."""

from __future__ import annotations

from collections.abc import Iterator

from . import Breach, Proposal, RuleModel, Waivable
from ._waivers import breach, numbered

WAIVABLE = Waivable.NEVER


class Params(RuleModel):
    """Nothing to set."""


def find(proposal: Proposal, _params: Params) -> Iterator[Breach]:
    """Yield the waivers whose owner is their approver."""
    for index, waiver in numbered(proposal):
        if waiver.owner == waiver.approver:
            yield breach(index, waiver, "approver", owner=waiver.owner)
