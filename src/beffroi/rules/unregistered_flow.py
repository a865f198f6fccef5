"""A flow that reaches kept data says which processing activity it serves (RGPD, articles 5(1)(b) and 30)."""

from __future__ import annotations

from collections.abc import Iterator

from beffroi.network.invariants import Written

from . import Breach, Proposal, RuleModel
from ._endpoints import hosts, pairs
from ._ports import ports_of, ports_written, within


class Params(RuleModel):
    """The ports that serve the machines and not the data: administration, logs, diagnosis."""

    except_ports: tuple[Written, ...] = ()


def find(proposal: Proposal, params: Params) -> Iterator[Breach]:
    """Yield the flows to hosts with stores that name no activity."""
    city, spared = proposal.city, ports_written(params.except_ports)
    found: set[int] = set()
    for index, flow, _, destination in pairs(city):
        if flow.processing or index in found or within(ports_of(city.services[flow.service]), spared):
            continue
        for host in (name for name, host in hosts(city, destination).items() if host.stores):
            found.add(index)
            yield Breach(flow.name, ("flows", index), {"flow": flow.name, "host": host, "service": flow.service})
            break
