"""The rules of a gateway that translate addresses: services published to the internet, private sources hidden. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from beffroi.city import INTERNET, City, Gateway

from .permits import PRIVATE_IPV4
from .words import COUNTER, LONGEST_COMMENT, equals, network, payload, rule, span


def publishing(city: City, gateway: Gateway) -> Iterator[dict[str, Any]]:
    """Lead what comes to the gateway's own address on the internet to the hosts that it publishes."""
    uplink = gateway.interfaces[INTERNET]
    for published in gateway.publish:
        service = city.services[published.service]
        ports = sorted(low for low, _ in service.ranges())
        (inner,) = city.hosts[published.host].interfaces.values()
        yield rule(
            f"{published.service} of {published.host}"[:LONGEST_COMMENT],
            equals({"meta": {"key": "iifname"}}, INTERNET),
            equals(payload("ip", "daddr"), str(uplink.ipv4)),
            equals(payload(service.protocol, "dport"), {"set": ports}),
            COUNTER,
            {"dnat": {"family": "ip", "addr": str(inner.ipv4)}},
        )


def masquerade(segment: str) -> dict[str, Any]:
    """Hide private sources behind the gateway's own address on a segment."""
    private = {"set": [network(4, span(each)) for each in PRIVATE_IPV4]}
    words = [equals({"meta": {"key": "oifname"}}, segment), equals(payload("ip", "saddr"), private)]
    return rule("private sources hidden", *words, COUNTER, {"masquerade": None})
