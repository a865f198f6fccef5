"""Every rule of the reference city's machines deleted, turned, widened or moved, and every element taken out.

The difference of rulesets reports each mutant, or proves it equivalent: then the town's paths must not change either.
Where a gateway's mutant opens what an invariant forbids, the invariant is refuted.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from mutations import MUTATIONS, Objects

from beffroi.city import City
from beffroi.city.loader import load_city
from beffroi.network.alteration import compare_rulesets
from beffroi.network.committed import committed, proof_of
from beffroi.network.compiling import compiled
from beffroi.network.conntrack import Packet
from beffroi.network.difference import compare
from beffroi.network.firewall import Firewall
from beffroi.network.invariants import Invariant, Places, refutations
from beffroi.network.reader import read
from beffroi.network.services import TCP, UDP
from beffroi.network.town import town_of
from beffroi.policy import load_policies

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
CITY = load_city(ROOT / "inventory" / "bourg-sur-gave")
COMMITTED = committed(CITY)
INVARIANTS = {
    name: Invariant.model_validate(policy.params)
    for name, policy in load_policies(ROOT).items()
    if policy.rule == "never_arrives"
}


def mutants_of_rules(machine: str) -> Iterator[tuple[str, Objects]]:
    objects = compiled(CITY, machine)
    for index, each in enumerate(objects):
        for mutation in MUTATIONS if "rule" in each else ():
            mutant = copy.deepcopy(objects)
            mutation(mutant, index)
            if mutant == objects:
                continue
            yield f"{machine} {each['rule']['chain']} {index} {mutation.__name__}", mutant


def mutants_of_elements(machine: str) -> Iterator[tuple[str, Objects]]:
    objects = compiled(CITY, machine)
    for index, each in enumerate(objects):
        for position in range(len(each["set"]["elem"]) if "set" in each else 0):
            mutant = copy.deepcopy(objects)
            del mutant[index]["set"]["elem"][position]
            yield f"{machine} {each['set']['name']} {position} left out", mutant


@cache
def judged(machine: str) -> list[tuple[str, Firewall, bool]]:
    """Return each mutant, its firewall, and whether the difference proves it equivalent."""
    mutants = ((name, read({"nftables": mutant})) for name, mutant in mutants_of_rules(machine))
    return [(name, mutant, compare_rulesets(COMMITTED[machine], mutant).same) for name, mutant in mutants]


@pytest.mark.parametrize("machine", CITY.machines())
def test_a_mutant_proved_equivalent_changes_no_path_of_the_town(machine: str) -> None:
    equivalent = [(name, mutant) for name, mutant, same in judged(machine) if same]
    assert len(equivalent) < len(judged(machine)) / 2
    before = town_of(CITY, COMMITTED)
    changed = [name for name, mutant in equivalent if compare(before, town_of(CITY, {**COMMITTED, machine: mutant}))]
    assert changed == []


@pytest.mark.parametrize("machine", CITY.machines())
def test_an_element_left_out_is_missed(machine: str) -> None:
    unseen = [
        name
        for name, mutant in mutants_of_elements(machine)
        if compare_rulesets(COMMITTED[machine], read({"nftables": mutant})).same
    ]
    assert unseen == []


@pytest.mark.parametrize("gateway", CITY.gateways)
def test_a_mutant_that_opens_what_an_invariant_forbids_refutes_it(gateway: str) -> None:
    before, broken = town_of(CITY, COMMITTED), 0
    for name, mutant, same in judged(gateway):
        firewalls = {**COMMITTED, gateway: mutant}
        opened = [] if same else [it for it in compare(before, town_of(CITY, firewalls)) if it.sort == "opened"]
        forbidden = {
            (policy, it.start, it.end)
            for policy, invariant in INVARIANTS.items()
            for it in opened
            if not it.doubtful and forbids(invariant, it.start, it.end, it.packets.witness())
        }
        if forbidden:
            broken += 1
            proof = proof_of(CITY, firewalls, *INVARIANTS.values())
            refuted = {
                (policy, it.start, it.end)
                for policy, invariant in INVARIANTS.items()
                for it in refutations(proof, invariant)
            }
            assert forbidden <= refuted, name
    assert broken > 5


def forbids(invariant: Invariant, start: str, end: str, packet: Packet | None) -> bool:
    """Say whether an invariant forbids one packet, by the names that it gives and nothing of the engine."""
    assert packet is not None
    exempt = {name for role in invariant.except_roles for name in CITY.hosts_with_role(role)}
    own = {int(getattr(it, f"ipv{packet.family}")) for name in exempt for it in machines()[name].interfaces.values()}
    return (
        start in named(CITY, invariant.sources) - exempt
        and end in named(CITY, invariant.destinations)
        and packet.source not in own
        and (not invariant.services or written(packet) in invariant.services)
        and written(packet) not in invariant.besides
    )


def written(packet: Packet) -> str:
    protocol, _, port, _ = packet.service
    return f"{ {TCP: 'tcp', UDP: 'udp'}.get(protocol, protocol) }/{port}"


def machines() -> dict[str, Any]:
    return CITY.machines()


def named(city: City, places: Places) -> set[str]:
    """Return the segments and machines that places name: enough for invariants without fleets and named machines."""
    assert not places.fleets
    if places.everywhere:
        return {*city.segments, *city.machines()}
    found = {name for name, segment in city.segments.items() if segment.zone in places.zones}
    found |= {name for name, host in city.hosts.items() if found & host.interfaces.keys()}
    return found | set(places.names) | {name for name, host in city.hosts.items() if host.stores and places.stores}
