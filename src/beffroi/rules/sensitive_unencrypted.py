"""Sensitive data (RGPD, articles 9 and 10) is kept on encrypted volumes: a stolen disk tells nothing."""

from __future__ import annotations

from collections.abc import Iterator

from . import Breach, Proposal, RuleModel


class Params(RuleModel):
    """Nothing to set."""


def find(proposal: Proposal, _params: Params) -> Iterator[Breach]:
    """Yield the stores of sensitive activities that are not declared `encrypted_at_rest`."""
    city = proposal.city
    sensitive = {
        store: name
        for name, activity in city.processing.items()
        if any(category.sensitive for category in activity.categories)
        for store in activity.stores
    }
    for host, name, store in city.stores():
        if name in sensitive and not store.encrypted_at_rest:
            names = {"store": name, "host": host, "activity": sensitive[name]}
            yield Breach(name, ("hosts", host, "stores", name), names)
