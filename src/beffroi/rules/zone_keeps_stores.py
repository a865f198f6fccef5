"""No data is kept in some zones: what everybody can touch keeps nothing of anybody."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from beffroi.city import Zone

from . import Breach, Proposal, RuleModel


class Params(RuleModel):
    """The `zones` whose hosts keep nothing."""

    zones: Annotated[tuple[Zone, ...], Field(min_length=1)]


def find(proposal: Proposal, params: Params) -> Iterator[Breach]:
    """Yield the stores of hosts that stand, be it with one foot, in such a zone."""
    city = proposal.city
    for host, store, _ in city.stores():
        for segment in city.hosts[host].interfaces:
            if city.segments[segment].zone in params.zones:
                yield Breach(
                    store, ("hosts", host, "stores", store), {"store": store, "host": host, "segment": segment}
                )
                break
