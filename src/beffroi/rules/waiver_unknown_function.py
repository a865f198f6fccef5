"""Who asked for a waiver and who granted it are functions that the town declares."""

from __future__ import annotations

from collections.abc import Iterator

from . import Breach, Proposal, RuleModel, Waivable
from ._waivers import breach, numbered

WAIVABLE = Waivable.NEVER


class Params(RuleModel):
    """Nothing to set."""


def find(proposal: Proposal, _params: Params) -> Iterator[Breach]:
    """Yield the waivers that name a function which does not exist, each once."""
    for index, waiver in numbered(proposal):
        named = (("owner", waiver.owner), ("approver", waiver.approver))
        unknown = [(field, name) for field, name in named if name not in proposal.city.functions]
        if unknown:
            field, name = unknown[0]
            yield breach(index, waiver, field, function=name)
