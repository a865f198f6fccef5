"""Every store has one retention: some activity claims it, and those that share it agree on how long."""

from __future__ import annotations

from collections.abc import Iterator

from . import Breach, Proposal, RuleModel


class Params(RuleModel):
    """Nothing to set."""


def find(proposal: Proposal, _params: Params) -> Iterator[Breach]:
    """Yield the stores whose data nobody could purge rightly: no retention, or several."""
    city = proposal.city
    for host, store, _ in city.stores():
        lasts = {it.retention.lasts(): it.retention.duration for it in city.processing.values() if store in it.stores}
        if len(lasts) != 1:
            durations = ", ".join(lasts[length] for length in sorted(lasts)) or "-"
            yield Breach(store, ("hosts", host, "stores", store), {"store": store, "durations": durations})
