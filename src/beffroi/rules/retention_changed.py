"""How long data is kept is what people were told: it does not change unnoticed (RGPD, 13(2)(a))."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Literal

from beffroi.city import Retention

from . import Breach, Proposal, RuleModel
from ._register import pairs
from ._stores import claims
from ._stores import pairs as stores

ON_CHANGE = True


class Params(RuleModel):
    """Which changes to find: `longer`, or `shorter` (the next purge then erases what it used to spare)."""

    becomes: Literal["longer", "shorter"]


def find(proposal: Proposal, params: Params) -> Iterator[Breach]:
    """Yield the activities that keep their data otherwise, then those that take over a store which was kept otherwise.

    Other words for the same length are no change. An activity is named once.
    """
    told = set()
    for _, old, name, new in pairs(proposal):
        if _changes(old.retention, new.retention, params):
            told.add(name)
            yield _breach(name, old.retention, new.retention, "retention", "duration")
    for name, was, now in _taken_over(proposal):
        if name not in told and _changes(was, now, params):
            told.add(name)
            yield _breach(name, was, now, "stores")


def _taken_over(proposal: Proposal) -> Iterator[tuple[str, Retention, Retention]]:
    """Yield each activity that claims a store which it did not, and the store's retentions before and after."""
    if proposal.before is None:
        return
    stood, stands = proposal.before.city, proposal.city
    for old, new in stores(proposal):
        claimed = claims(stands, new.name) if new else []
        was = min((stood.processing[name].retention for name in claims(stood, old.name)), key=_length)
        for name in set(claimed) - set(claims(stood, old.name)):
            yield name, was, stands.processing[name].retention


def _length(retention: Retention) -> timedelta:
    return retention.lasts()


def _changes(was: Retention, now: Retention, params: Params) -> bool:
    return now.lasts() > was.lasts() if params.becomes == "longer" else now.lasts() < was.lasts()


def _breach(activity: str, was: Retention, now: Retention, *field: str) -> Breach:
    names = {"activity": activity, "before": was.duration, "after": now.duration}
    return Breach(activity, ("processing", activity, *field), names)
