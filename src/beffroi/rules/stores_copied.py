"""Every host that keeps data is reached by, or reaches, a machine that makes copies."""

from __future__ import annotations

from collections.abc import Iterator

from beffroi.city.words import Name

from . import Breach, Proposal, RuleModel
from ._endpoints import hosts


class Params(RuleModel):
    """The `role` of the machines that copy; what they keep themselves are the copies."""

    role: Name = "backup"


def find(proposal: Proposal, params: Params) -> Iterator[Breach]:
    """Yield the hosts with stores that no flow joins to a copying machine."""
    city = proposal.city
    copying = set(city.hosts_with_role(params.role))
    joined: set[str] = set()
    for flow in city.flows:
        sides = [{name for end in ends for name in hosts(city, end)} for ends in (flow.source, flow.destination)]
        for one, other in (sides, sides[::-1]):
            joined |= other if one & copying else set()
    for name, host in city.hosts.items():
        if host.stores and name not in copying | joined:
            yield Breach(name, ("hosts", name, "stores"), {"host": name, "stores": ", ".join(host.stores)})
