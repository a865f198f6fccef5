"""A waiver is for a time: what must stand for longer is a decision to be written in the policy or in the profile."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from . import Breach, Proposal, RuleModel, Waivable
from ._waivers import breach, numbered

WAIVABLE = Waivable.NEVER


class Params(RuleModel):
    """How many days from today a waiver may still count."""

    days: Annotated[int, Field(ge=1, le=3660)] = 365


def find(proposal: Proposal, params: Params) -> Iterator[Breach]:
    """Yield the waivers that end more than `days` after today."""
    for index, waiver in numbered(proposal):
        if waiver.until > proposal.today + timedelta(days=params.days):
            yield breach(index, waiver, "until", until=waiver.until.isoformat(), days=str(params.days))
