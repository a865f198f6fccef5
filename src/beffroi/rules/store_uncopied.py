"""Every store of personal data is fetched by the machine that keeps the copies, for an activity that the store serves.

A host that is copied for one activity leaves the other stores on it without a copy.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from beffroi.city.words import Name
from beffroi.network.invariants import Written

from . import Breach, Proposal, RuleModel
from ._endpoints import hosts, pairs
from ._ports import meet, ports_of, ports_written
from ._stores import claims, kept


class Params(RuleModel):
    """The `role` that copies, the `ports` it fetches through, and the roles whose data must not be copied."""

    role: Name
    ports: Annotated[tuple[Written, ...], Field(min_length=1)]
    except_roles: tuple[Name, ...] = ()


def find(proposal: Proposal, params: Params) -> Iterator[Breach]:
    """Yield the stores on copied hosts that are left out; a host that nobody copies is for another rule."""
    city = proposal.city
    fetched = _fetched(proposal, params)
    for name, store in kept(city).items():
        roles = set(city.hosts[store.host].roles)
        activities = fetched.get(store.host)
        if activities is None or roles & {params.role, *params.except_roles}:
            continue
        if None not in activities and not activities & set(claims(city, name)):
            yield Breach(name, store.path, {"store": name, "host": store.host, "activities": _told(activities)})


def _fetched(proposal: Proposal, params: Params) -> dict[str, set[str | None]]:
    """Return the activities for which each host is copied, by host; None stands for a flow that names none."""
    city = proposal.city
    copiers, wanted = city.hosts_with_role(params.role), ports_written(params.ports)
    found: dict[str, set[str | None]] = {}
    for _, flow, source, destination in pairs(city):
        if source in copiers and meet(ports_of(city.services[flow.service]), wanted):
            for host in hosts(city, destination):
                found.setdefault(host, set()).add(flow.processing)
    return found


def _told(activities: set[str | None]) -> str:
    return ", ".join(sorted(each for each in activities if each))
