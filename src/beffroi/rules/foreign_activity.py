"""A flow that serves an activity reaches that activity's data, not another's (purpose limitation, RGPD 5(1)(b))."""

from __future__ import annotations

from collections.abc import Iterator

from . import Breach, Proposal, RuleModel
from ._endpoints import hosts, pairs


class Params(RuleModel):
    """Nothing to set."""


def find(proposal: Proposal, _params: Params) -> Iterator[Breach]:
    """Yield the flows to a host that keeps data, none of it the activity's that the flow names."""
    city = proposal.city
    for index, flow, _, destination in pairs(city):
        if flow.processing is None:
            continue
        kept = set(city.processing[flow.processing].stores)
        for name, host in hosts(city, destination).items():
            if host.stores and not kept & set(host.stores):
                names = {"flow": flow.name, "activity": flow.processing, "host": name}
                yield Breach(flow.name, ("flows", index, "processing"), names)
