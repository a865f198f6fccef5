"""Which hosts are copied: reached by a machine that keeps the copies, through a port that it fetches by."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from beffroi.city import City
from beffroi.city.words import Name
from beffroi.network.invariants import Written

from . import RuleModel
from ._endpoints import hosts, pairs
from ._ports import meet, ports_of, ports_written


class Params(RuleModel):
    """The `role` that copies, the `ports` it fetches through, and the roles whose data must not be copied."""

    role: Name
    ports: Annotated[tuple[Written, ...], Field(min_length=1)]
    except_roles: tuple[Name, ...] = ()


def fetched(city: City, params: Params) -> dict[str, set[str | None]]:
    """Return the activities for which each host is copied, by host; None stands for a flow that names none."""
    copiers, wanted = city.hosts_with_role(params.role), ports_written(params.ports)
    found: dict[str, set[str | None]] = {}
    for _, flow, source, destination in pairs(city):
        if source in copiers and meet(ports_of(city.services[flow.service]), wanted):
            for host in hosts(city, destination):
                found.setdefault(host, set()).add(flow.processing)
    return found
