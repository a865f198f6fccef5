"""The data protection officer answers for no processing activity: nobody oversees themselves (RGPD, article 38(6))."""

from __future__ import annotations

from collections.abc import Iterator

from . import Breach, Proposal, RuleModel


class Params(RuleModel):
    """Nothing to set."""


def find(proposal: Proposal, _params: Params) -> Iterator[Breach]:
    """Yield the activities that the officer answers for."""
    city = proposal.city
    for name, activity in city.processing.items():
        if activity.responsible == city.town.data_protection_officer:
            names = {"activity": name, "function": activity.responsible}
            yield Breach(name, ("processing", name, "responsible"), names)
