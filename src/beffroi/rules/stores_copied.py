"""Every host that keeps data is reached by a machine that keeps the copies (copies are fetched, never pushed)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from beffroi.city.words import Name
from beffroi.network.invariants import Written

from . import Breach, Proposal, RuleModel
from ._endpoints import hosts, pairs
from ._ports import meet, ports_of, ports_written


class Params(RuleModel):
    """The `role` that copies, the `ports` it fetches through, and the roles whose data must not be copied."""

    role: Name
    ports: Annotated[tuple[Written, ...], Field(min_length=1)]
    except_roles: tuple[Name, ...] = ()


def find(proposal: Proposal, params: Params) -> Iterator[Breach]:
    """Yield the hosts with stores that nobody copies; a town where nobody plays the role is for another rule."""
    city = proposal.city
    copiers = city.hosts_with_role(params.role)
    if not copiers:
        return
    wanted, copied = ports_written(params.ports), set(copiers)
    for _, flow, source, destination in pairs(city):
        if source in copiers and meet(ports_of(city.services[flow.service]), wanted):
            copied.update(hosts(city, destination))
    for name, host in city.hosts.items():
        if host.stores and name not in copied and not set(host.roles) & set(params.except_roles):
            yield Breach(name, ("hosts", name, "stores"), {"host": name, "copiers": ", ".join(copiers)})
