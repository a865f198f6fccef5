"""How long an activity keeps its data is what people were told: it does not change unnoticed (RGPD, 13(2)(a))."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from . import Breach, Proposal, RuleModel

ON_CHANGE = True


class Params(RuleModel):
    """Which changes to find: `longer`, or `shorter` (the next purge then erases what it used to spare)."""

    becomes: Literal["longer", "shorter"]


def find(proposal: Proposal, params: Params) -> Iterator[Breach]:
    """Yield the activities that keep their data for longer, or for less long; other words for as long are no change."""
    if proposal.before is None:
        return
    stood = proposal.before.city.processing
    for name, activity in proposal.city.processing.items():
        if name not in stood:
            continue
        was, now = stood[name].retention, activity.retention
        if now.lasts() > was.lasts() if params.becomes == "longer" else now.lasts() < was.lasts():
            names = {"activity": name, "before": was.duration, "after": now.duration}
            yield Breach(name, ("processing", name, "retention", "duration"), names)
