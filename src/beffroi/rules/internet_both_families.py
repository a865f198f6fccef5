"""What the internet is let in to answers in IPv4 and in IPv6: no address that the internet cannot reach.

Private addresses are those of RFC 1918 (IPv4) and RFC 4193 (IPv6). Publishing at a gateway's own address serves IPv4.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network, IPv6Network

from beffroi.city import INTERNET, City, Host

from . import Breach, Proposal, RuleModel
from ._endpoints import pairs

_PRIVATE_V4 = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
_PRIVATE_V6 = IPv6Network("fc00::/7")


class Params(RuleModel):
    """Nothing to set."""


def find(proposal: Proposal, _params: Params) -> Iterator[Breach]:
    """Yield the flows from the internet to a host that it can reach in one family alone, or in none."""
    city = proposal.city
    for index, flow, source, destination in pairs(city):
        host = city.hosts.get(destination)
        if source != INTERNET or host is None:
            continue
        for family in _missing(city, destination, host, flow.service):
            names = {"flow": flow.name, "destination": destination, "family": family}
            yield Breach(flow.name, ("flows", index, "to"), names)


def _missing(city: City, name: str, host: Host, service: str) -> Iterator[str]:
    published = any(
        (each.host, each.service) == (name, service) for gateway in city.gateways.values() for each in gateway.publish
    )
    addresses = host.interfaces.values()
    if not published and all(any(it.ipv4 in private for private in _PRIVATE_V4) for it in addresses):
        yield "IPv4"
    if all(it.ipv6 in _PRIVATE_V6 for it in addresses):
        yield "IPv6"
