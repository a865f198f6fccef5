"""The proof as a document that others can check: classes, rules with their owners, routes, claims, digests. Pure.

`recheck.py` follows every packet again from this document alone, by other means. The document is canonical JSON: equal
proofs are equal texts, in any language.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from .declared import opening
from .firewall import ACROSS, Case, Family, Firewall, Interfaces
from .intervals import Range, difference, holds
from .packets import PacketSet, united
from .proof import FamilyProof, Proof
from .services import ALL_FLAGS, ICMP, ICMPV6, NUMBERS, PORTED, TCP, Box, Services, only
from .town import Device

FORM = "beffroi network certificate 2"


def certificate(proof: Proof) -> str:
    """Return the certificate of a proof; what was found wrong stays wrong in it, and recheck will say so."""
    body: dict[str, Any] = {
        "form": FORM,
        "town": proof.town.city.town.name,
        "machines": {name: digest(device.firewall) for name, device in proof.town.devices.items()},
        "families": [_family(proof, each) for each in proof.families.values()],
    }
    return canonical({**body, "digest": sha256(canonical(body).encode()).hexdigest()})


def canonical(value: object) -> str:
    """Return a value as JSON that is the same for equal values."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def digest(firewall: Firewall) -> str:
    """Return the SHA-256 of what a firewall means, in both families."""
    return sha256(canonical([_chains(firewall, family) for family in (4, 6)]).encode()).hexdigest()


def _family(proof: Proof, proved: FamilyProof) -> dict[str, Any]:
    space, town = proved.space, proof.town
    ends: dict[tuple[str, str], list[PacketSet]] = {}
    for arrival in proved.reached.arrivals:
        ends.setdefault((arrival.start, arrival.end), []).append(arrival.packets)
    return {
        "family": proved.family,
        "sources": [list(space.sources.ranges({number})) for number in range(len(space.sources.samples))],
        "destinations": [
            list(space.destinations.ranges({number})) for number in range(len(space.destinations.samples))
        ],
        "services": [_boxes(Services(tuple(cells))) for cells in space.services.cells],
        "machines": {name: _machine(device, proved.family) for name, device in town.devices.items()},
        "segments": {name: [device.name for device in town.on(name)] for name in town.segments},
        "declared": [
            {
                "flow": each.flow,
                "start": each.start,
                "end": each.end,
                "first": each.first,
                "source": each.match.source,
                "destination": each.match.destination,
                "services": _boxes(each.match.services),
                "opening": _boxes(opening(each.match.services)),
            }
            for each in proved.declared
        ],
        "claims": [
            [start, end, sorted([s, d, f"{bits:x}"] for s, d, bits in united(space, sets).rows())]
            for (start, end), sets in sorted(ends.items())
        ],
    }


def _machine(device: Device, family: Family) -> dict[str, Any]:
    return {
        "forwards": device.forwards,
        "own": device.own(family),
        "local": device.local(family),
        "exits": [[each.destinations, each.interface, each.via] for each in device.exits[family]],
        "chains": _chains(device.firewall, family),
    }


def _chains(firewall: Firewall, family: Family) -> list[dict[str, Any]]:
    found = []
    for hook in ("prerouting", "input", "forward", "output", "postrouting", ACROSS):
        for table, chain in firewall.hooked(hook, family):
            known = {
                name: [_case(case, str(rule.place)) for rule in each.rules for case in rule.cases]
                for name, each in table.chains.items()
            }
            found.append(
                {
                    "hook": hook,
                    "kind": chain.hook.kind if chain.hook else "",
                    "priority": chain.hook.priority if chain.hook else 0,
                    "policy": chain.hook.policy if chain.hook else "",
                    "begin": chain.name,
                    "rules": known,
                }
            )
    return found


def _case(case: Case, owner: str) -> dict[str, Any]:
    match = case.match
    return {
        "owner": owner,
        "families": sorted(match.families),
        "source": match.source,
        "destination": match.destination,
        "services": _boxes(match.services),
        "entry": [_interfaces(each) for each in match.entry],
        "exit": [_interfaces(each) for each in match.exit],
        "states": None if match.states is None else sorted(match.states),
        "connection": [match.direction, match.dnat, match.snat],
        "unknown": [each.rate for each in match.unknown],
        "verb": case.verdict.verb,
        "chain": case.verdict.chain,
    }


def _interfaces(each: Interfaces) -> list[Any]:
    return [sorted(each.names), list(each.prefixes), each.outside]


def _boxes(services: Services) -> list[list[Any]]:
    """Return boxes that mean what they say: numbers bound where the header has some, flags bound for TCP alone."""
    return [
        [*protocols, *first, *second, f"{box.flags if protocols == (TCP, TCP) else ALL_FLAGS:x}"]
        for box in services.boxes
        for protocols, numbered in _alike(box)
        for first in (box.first if numbered else NUMBERS)
        for second in (box.second if numbered else NUMBERS)
    ]


def _alike(box: Box) -> Iterator[tuple[Range, bool]]:
    """Yield the protocols of a box in ranges of which a header's numbers say something alike, or nothing."""
    if (box.first, box.second, box.flags) == (NUMBERS, NUMBERS, ALL_FLAGS):
        yield from ((protocols, False) for protocols in box.protocols)
        return
    for protocol in (*PORTED, ICMP, ICMPV6):
        if holds(box.protocols, protocol):
            yield (protocol, protocol), True
    yield from ((protocols, False) for protocols in difference(box.protocols, only((*PORTED, ICMP, ICMPV6))))
