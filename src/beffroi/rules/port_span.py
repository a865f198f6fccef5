"""A service is a few ports, not a range that nobody can tell the use of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from . import Breach, Proposal, RuleModel


class Params(RuleModel):
    """The most ports that one service may have."""

    most: Annotated[int, Field(ge=1, le=65536)]


def find(proposal: Proposal, params: Params) -> Iterator[Breach]:
    """Yield the services that some flow opens and that have more."""
    city = proposal.city
    opened = {flow.service for flow in city.flows}
    for name, service in city.services.items():
        count = sum(last - first + 1 for first, last in service.ranges())
        if name in opened and count > params.most:
            names = {"service": name, "count": str(count), "most": str(params.most)}
            yield Breach(name, ("services", name, "ports"), names)
