"""Protocols that send passwords in clear, known by their ports, are reached by nobody."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from . import Breach, Proposal, RuleModel


class Params(RuleModel):
    """The destination ports that no flow may open, over TCP or UDP, each with the protocol that it is known for."""

    ports: Annotated[dict[int, str], Field(min_length=1)]


def find(proposal: Proposal, params: Params) -> Iterator[Breach]:
    """Yield the flows whose service covers one of the ports."""
    city = proposal.city
    for index, flow in enumerate(city.flows):
        for first, last in city.services[flow.service].ranges():
            for port in sorted(port for port in params.ports if first <= port <= last):
                names = {"flow": flow.name, "port": str(port), "protocol": params.ports[port]}
                yield Breach(flow.name, ("flows", index, "service"), names)
