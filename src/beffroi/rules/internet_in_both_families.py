"""What talks with the internet does so in IPv6 as in IPv4: unique local addresses have no way there (RFC 4193)."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv6Network

from beffroi.city import INTERNET, City

from . import Breach, Proposal, RuleModel
from ._endpoints import pairs, segments

_LOCAL = IPv6Network("fc00::/7")


class Params(RuleModel):
    """Nothing to set."""


def find(proposal: Proposal, _params: Params) -> Iterator[Breach]:
    """Yield the flows with the internet whose other end has local IPv6 addresses alone."""
    city = proposal.city
    told: set[int] = set()
    for index, flow, source, destination in pairs(city):
        inner = destination if source == INTERNET else source
        if INTERNET in {source, destination} and index not in told and _only_local(city, inner):
            told.add(index)
            yield Breach(flow.name, ("flows", index), {"flow": flow.name, "end": inner})


def _only_local(city: City, end: str) -> bool:
    if end == INTERNET:
        return False
    known = [city.segments[name].ipv6 for name in segments(city, end) if name in city.segments]
    return bool(known) and all(network.subnet_of(_LOCAL) for network in known)
