"""Every host that keeps data is reached by a machine that keeps the copies (copies are fetched, never pushed)."""

from __future__ import annotations

from collections.abc import Iterator

from . import Breach, Proposal
from ._copies import Params, fetched


def find(proposal: Proposal, params: Params) -> Iterator[Breach]:
    """Yield the hosts with stores that nobody copies; a town where nobody plays the role is for another rule."""
    city = proposal.city
    copiers = city.hosts_with_role(params.role)
    if not copiers:
        return
    copied = copiers.keys() | fetched(city, params).keys()
    for name, host in city.hosts.items():
        if host.stores and name not in copied and not set(host.roles) & set(params.except_roles):
            yield Breach(name, ("hosts", name, "stores"), {"host": name, "copiers": ", ".join(copiers)})
