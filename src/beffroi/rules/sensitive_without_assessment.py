"""An activity that processes sensitive categories (RGPD articles 9 and 10) names its impact assessment (article 35)."""

from __future__ import annotations

from collections.abc import Iterator

from . import Breach, Proposal, RuleModel


class Params(RuleModel):
    """Nothing to set."""


def find(proposal: Proposal, _params: Params) -> Iterator[Breach]:
    """Yield the activities with a sensitive category and no assessment."""
    for name, activity in proposal.city.processing.items():
        if activity.impact_assessment is None and any(category.sensitive for category in activity.categories):
            yield Breach(name, ("processing", name, "categories"), {"activity": name})
