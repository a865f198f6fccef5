"""A store that holds personal data is not forgotten: without it nobody purges, backs up or watches the folder."""

from __future__ import annotations

from collections.abc import Iterator

from . import Breach, Proposal, RuleModel, Source
from ._stores import claims, pairs

ON_CHANGE = True


class Params(RuleModel):
    """Nothing to set."""


def find(proposal: Proposal, _params: Params) -> Iterator[Breach]:
    """Yield the stores of personal data that are gone; another name for the same folder loses nothing."""
    if proposal.before is None:
        return
    for old, new in pairs(proposal):
        if new is None:
            activities = ", ".join(claims(proposal.before.city, old.name))
            names = {"store": old.name, "host": old.host, "activities": activities}
            yield Breach(old.name, old.path, names, Source.BEFORE)
