"""A processing activity stays in the register as long as its data is kept (RGPD, article 30)."""

from __future__ import annotations

from collections.abc import Iterator

from . import Breach, Proposal, RuleModel, Source
from ._stores import pairs

ON_CHANGE = True


class Params(RuleModel):
    """Nothing to set."""


def find(proposal: Proposal, _params: Params) -> Iterator[Breach]:
    """Yield the activities that are gone while stores of theirs stay; a new one that claims them all is the same."""
    if proposal.before is None:
        return
    stood, stands = proposal.before.city.processing, proposal.city.processing
    new = [activity for name, activity in stands.items() if name not in stood]
    for name in stood.keys() - stands.keys():
        left = {now.name for old, now in pairs(proposal) if now and old.name in stood[name].stores}
        if left and not any(left <= set(activity.stores) for activity in new):
            names = {"activity": name, "stores": ", ".join(sorted(left))}
            yield Breach(name, ("processing", name), names, Source.BEFORE)
