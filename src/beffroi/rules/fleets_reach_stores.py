"""No device, and nobody on the internet, talks to a machine that keeps data."""

from __future__ import annotations

from collections.abc import Iterator

from beffroi.city import INTERNET

from . import Breach, Proposal, RuleModel
from ._endpoints import fleets, hosts, pairs


class Params(RuleModel):
    """Nothing to set."""


def find(proposal: Proposal, _params: Params) -> Iterator[Breach]:
    """Yield the flows that let a fleet (named, or of a named segment) or the internet reach a host with stores."""
    city = proposal.city
    for index, flow, source, destination in pairs(city):
        devices = [INTERNET] if source == INTERNET else fleets(city, source)
        for host in (name for name, host in hosts(city, destination).items() if host.stores):
            for fleet in devices:
                names = {"flow": flow.name, "fleet": fleet, "host": host}
                yield Breach(flow.name, ("flows", index), names)
