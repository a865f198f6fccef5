"""A waiver whose last day is past, or near: `days` is how far ahead to look, 0 for those already ended."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from . import Breach, Proposal, RuleModel, Waivable
from ._waivers import breach, numbered

WAIVABLE = Waivable.NEVER


class Params(RuleModel):
    """`days` ahead of today; with 0, a waiver is found from the day after its last."""

    days: Annotated[int, Field(ge=0, le=366)] = 0


def find(proposal: Proposal, params: Params) -> Iterator[Breach]:
    """Yield the waivers that end before `today` + `days`; looking ahead leaves out those already ended."""
    horizon = proposal.today + timedelta(days=params.days)
    for index, waiver in numbered(proposal):
        if waiver.until < horizon and (waiver.counts(proposal.today) or not params.days):
            yield breach(index, waiver, "until", until=waiver.until.isoformat())
