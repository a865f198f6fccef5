"""A machine that changes zones brings along what it was exposed to, and meets flows that were not meant for it."""

from __future__ import annotations

from collections.abc import Iterator

from beffroi.city import City

from . import Breach, Proposal, RuleModel
from ._stores import keepers

ON_CHANGE = True


class Params(RuleModel):
    """Nothing to set."""


def find(proposal: Proposal, _params: Params) -> Iterator[Breach]:
    """Yield the hosts that stand in other zones, on other segments; those that keep personal data are not moved at all.

    (A rule of their own says so: `store_host_replaced`.)
    """
    if proposal.before is None:
        return
    stood, city = proposal.before.city, proposal.city
    keep = keepers(stood) & keepers(city)
    for name in city.hosts:
        if name not in stood.hosts or name in keep:
            continue
        was, now = _zones(stood, name), _zones(city, name)
        if was != now and set(stood.hosts[name].interfaces) != set(city.hosts[name].interfaces):
            names = {"host": name, "before": ", ".join(was), "after": ", ".join(now)}
            yield Breach(name, ("hosts", name, "interfaces"), names)


def _zones(city: City, host: str) -> list[str]:
    return sorted({city.segments[segment].zone.value for segment in city.hosts[host].interfaces})
