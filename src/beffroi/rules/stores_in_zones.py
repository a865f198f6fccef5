"""Machines of some zones keep no data: what strangers can touch has nothing of anybody."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from beffroi.city import Zone

from . import Breach, Proposal, RuleModel
from ._endpoints import zones


class Params(RuleModel):
    """The zones where nothing is kept."""

    zones: Annotated[tuple[Zone, ...], Field(min_length=1)]


def find(proposal: Proposal, params: Params) -> Iterator[Breach]:
    """Yield the stores of hosts that stand there."""
    city = proposal.city
    for host, store, _ in city.stores():
        if zones(city, host) & set(params.zones):
            yield Breach(store, ("hosts", host, "stores", store), {"store": store, "host": host})
