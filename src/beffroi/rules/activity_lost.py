"""A processing activity stays in the register as long as its data is kept (RGPD, article 30)."""

from __future__ import annotations

from collections.abc import Iterator

from . import Breach, Proposal, RuleModel, Source
from ._register import left, pairs

ON_CHANGE = True


class Params(RuleModel):
    """Nothing to set."""


def find(proposal: Proposal, _params: Params) -> Iterator[Breach]:
    """Yield the activities that are gone while stores of theirs stay; a new one that claims them all is the same."""
    if proposal.before is None:
        return
    going_on = {name for name, _, _, _ in pairs(proposal)}
    for name, activity in proposal.before.city.processing.items():
        stores = left(activity, proposal) if name not in going_on else set()
        if stores:
            names = {"activity": name, "stores": ", ".join(sorted(stores))}
            yield Breach(name, ("processing", name), names, Source.BEFORE)
