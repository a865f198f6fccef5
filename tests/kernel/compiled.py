"""A declared city's own gateways, as plans that the judge can cable, and what the kernel counted on each rule."""

from __future__ import annotations

import json
from typing import Any

from beffroi.city import City
from beffroi.network.routing import routes

from .namespaces import Cable, Network, Plan


def plan_of(city: City, machine: str) -> Plan:
    """Return the machine's interfaces, addresses and routes: its links, and where its static routes lead."""
    leading: dict[str, list[Network]] = {}
    for route in routes(city, machine):
        leading.setdefault(route.dev, []).append(route.to)
    cables = {}
    for name, interface in city.machines()[machine].interfaces.items():
        segment = city.segments[name]
        behind = dict.fromkeys([segment.ipv4, segment.ipv6, *leading.get(name, [])])
        cables[name] = Cable((str(interface.ipv4), str(interface.ipv6)), tuple(behind))
    return Plan(cables)


def uncounted(listing: str, chains: set[str]) -> list[str]:
    """Return the rules of these chains that count, and counted nothing: chain, handle and comment."""
    rules = [each["rule"] for each in json.loads(listing)["nftables"] if "rule" in each]
    return [
        f"{rule['chain']} {rule['handle']} {rule.get('comment', '')}"
        for rule in rules
        if rule["chain"] in chains and 0 in _counts(rule)
    ]


def _counts(rule: dict[str, Any]) -> list[int]:
    return [each["counter"]["packets"] for each in rule["expr"] if isinstance(each.get("counter"), dict)]
