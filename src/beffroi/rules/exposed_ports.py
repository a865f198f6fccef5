"""From the internet, nothing is reached but a few ports."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from beffroi.city import INTERNET
from beffroi.network.invariants import Written

from . import Breach, Proposal, RuleModel


class Params(RuleModel):
    """The ports that may be exposed, as `tcp/443` or `udp/5000-5010`."""

    ports: Annotated[tuple[Written, ...], Field(min_length=1)]


def find(proposal: Proposal, params: Params) -> Iterator[Breach]:
    """Yield the flows from the internet that reach another port."""
    city = proposal.city
    for index, flow in enumerate(city.flows):
        if INTERNET not in flow.source:
            continue
        service = city.services[flow.service]
        others = [
            f"{service.protocol}/{port}" for port in service.ports if f"{service.protocol}/{port}" not in params.ports
        ]
        if others or service.protocol == "icmp":
            names = {"flow": flow.name, "ports": ", ".join(others) or "icmp"}
            yield Breach(flow.name, ("flows", index, "service"), names)
