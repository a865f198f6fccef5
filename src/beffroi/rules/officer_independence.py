"""The data protection officer answers for no activity: nobody checks their own decisions (RGPD, article 38(6)).

Source: guidelines WP 243 rev.01 of the article 29 working party, section 3.5.
"""

from __future__ import annotations

from collections.abc import Iterator

from . import Breach, Proposal, RuleModel


class Params(RuleModel):
    """Nothing to set."""


def find(proposal: Proposal, _params: Params) -> Iterator[Breach]:
    """Yield the activities for which the officer's own function answers."""
    city = proposal.city
    for name, activity in city.processing.items():
        if activity.responsible == city.town.data_protection_officer:
            yield Breach(name, ("processing", name, "responsible"), {"activity": name, "officer": activity.responsible})
