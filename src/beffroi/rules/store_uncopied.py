"""Every store of personal data is fetched by the machine that keeps the copies, for an activity that the store serves.

A host that is copied for one activity leaves the other stores on it without a copy.
"""

from __future__ import annotations

from collections.abc import Iterator

from . import Breach, Proposal
from ._copies import Params, fetched
from ._stores import claims, kept


def find(proposal: Proposal, params: Params) -> Iterator[Breach]:
    """Yield the stores on copied hosts that are left out; a host that nobody copies is for another rule."""
    city = proposal.city
    copied_for = fetched(city, params)
    for name, store in kept(city).items():
        roles = set(city.hosts[store.host].roles)
        activities = copied_for.get(store.host)
        if activities is None or roles & {params.role, *params.except_roles}:
            continue
        if None not in activities and not activities & set(claims(city, name)):
            yield Breach(name, store.path, {"store": name, "host": store.host, "activities": _told(activities)})


def _told(activities: set[str | None]) -> str:
    return ", ".join(sorted(each for each in activities if each))
