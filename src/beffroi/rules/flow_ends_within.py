"""A flow whose last day is past, or near: `days` is how far ahead to look, 0 for those already ended."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from . import Breach, Proposal, RuleModel


class Params(RuleModel):
    """`days` ahead of today; with 0, a flow is found from the day after its last."""

    days: Annotated[int, Field(ge=0, le=366)] = 0


def find(proposal: Proposal, params: Params) -> Iterator[Breach]:
    """Yield the flows that end before `today` + `days`; looking ahead leaves out those already ended."""
    horizon = proposal.today + timedelta(days=params.days)
    for index, flow in enumerate(proposal.city.flows):
        if flow.until is None or flow.until >= horizon:
            continue
        if params.days and flow.until < proposal.today:
            continue
        yield Breach(flow.name, ("flows", index, "until"), {"flow": flow.name, "until": flow.until.isoformat()})
