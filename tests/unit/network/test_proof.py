from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from beffroi.city import City
from beffroi.city.loader import load_city
from beffroi.network.answer import answer
from beffroi.network.committed import committed, proof_of
from beffroi.network.compiling import compiled
from beffroi.network.conntrack import Packet, first_state
from beffroi.network.firewall import State
from beffroi.network.invariants import Invariant, Places, refutations
from beffroi.network.journey import journey
from beffroi.network.proof import Proof, Sort
from beffroi.network.reader import read
from beffroi.network.town import town_of

ROOT = Path(__file__).parents[3]
Objects = list[dict[str, Any]]


@cache
def _city(folder: str) -> City:
    return load_city(ROOT / folder)


@cache
def _reference() -> Proof:
    city = _city("inventory/bourg-sur-gave")
    return proof_of(city, committed(city))


def _hamlet(machine: str = "", change: Callable[[Objects], None] = lambda _: None, *invariants: Invariant) -> Proof:
    """Prove the hamlet with one machine's ruleset changed by hand."""
    city = _city("tests/cases/hamlet")
    objects = {name: copy.deepcopy(compiled(city, name)) for name in city.machines()}
    if machine:
        change(objects[machine])
    firewalls = {name: read({"nftables": each}) for name, each in objects.items()}
    return proof_of(city, firewalls, *invariants)


def _rules(objects: Objects, chain: str) -> list[dict[str, Any]]:
    return [each["rule"] for each in objects if each.get("rule", {}).get("chain") == chain]


def _added(chain: str, *expressions: dict[str, Any], first: bool = True) -> Callable[[Objects], None]:
    def change(objects: Objects) -> None:
        rule = {
            "rule": {
                "family": "inet",
                "table": "beffroi",
                "chain": chain,
                "comment": "by hand",
                "expr": list(expressions),
            }
        }
        at = next(at for at, each in enumerate(objects) if each.get("rule", {}).get("chain") == chain)
        objects.insert(at if first else len(objects), rule)

    return change


def _without(chain: str, comment: str) -> Callable[[Objects], None]:
    def change(objects: Objects) -> None:
        kept = [rule for rule in _rules(objects, chain) if comment in rule["comment"]]
        assert kept, comment
        objects[:] = [each for each in objects if each.get("rule") not in kept]

    return change


def _sorts(proof: Proof) -> set[Sort]:
    return {finding.sort for finding in proof.findings}


def _gateway() -> str:
    return next(iter(_city("tests/cases/hamlet").gateways))


def test_the_reference_city_is_proved_for_every_packet() -> None:
    assert _reference().findings == []


def test_the_hamlet_is_proved_for_every_packet() -> None:
    assert _hamlet().findings == []


def test_a_rule_added_by_hand_is_found_with_a_packet_that_it_lets_through() -> None:
    proof = _hamlet(_gateway(), _added("forward", {"accept": None}))
    more = [finding for finding in proof.findings if finding.sort is Sort.MORE]
    assert more
    said = answer(proof, {}).deviations
    assert all(any(rule.text == "by hand" for rule in each.rules) for each in said if each.sort == "more")


def test_a_rule_that_takes_a_flow_away_is_found() -> None:
    proof = _hamlet(_gateway(), _added("forward", {"drop": None}))
    assert Sort.LESS in _sorts(proof)
    assert all(finding.flows for finding in proof.findings if finding.sort is Sort.LESS)


def test_answers_that_do_not_come_back_are_found() -> None:
    assert _sorts(_hamlet(_gateway(), _without("forward", "answers"))) == {Sort.HALF_OPEN}


def test_forged_sources_are_found_where_nothing_refuses_them() -> None:
    assert _sorts(_hamlet(_gateway(), _without("spoofing", "spoofed"))) == {Sort.MORE}


def test_packets_of_no_connection_are_found() -> None:
    invalid = {"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": "invalid"}}
    city = _city("tests/cases/hamlet")
    machine = next(iter(city.hosts))
    assert Sort.STRAY in _sorts(_hamlet(machine, _added("input", invalid, {"accept": None})))


def test_what_is_not_modelled_is_unknown_and_never_a_guess() -> None:
    mark = {"match": {"op": "==", "left": {"meta": {"key": "mark"}}, "right": 5}}
    proof = _hamlet(_gateway(), _added("forward", mark, {"accept": None}))
    assert _sorts(proof) == {Sort.UNKNOWN}
    assert answer(proof, {}).exit_code == 2


def test_a_refactoring_that_changes_nothing_changes_no_answer() -> None:
    def apart(objects: Objects) -> None:
        """Move the forward chain's rules to a chain of their own."""
        rules = _rules(objects, "forward")
        objects.insert(1, {"chain": {"family": "inet", "table": "beffroi", "name": "crossing"}})
        objects.append({"rule": {**rules[0], "expr": [{"jump": {"target": "crossing"}}], "comment": ""}})
        for rule in rules:
            rule["chain"] = "crossing"

    assert _hamlet(_gateway(), apart).findings == []


def test_an_invariant_is_proved_or_refuted_with_a_packet() -> None:
    barred = Invariant(destinations=Places(stores=True), services=("tcp/3306",))
    assert refutations(_hamlet("", lambda _: None, barred), barred) == []
    city = _city("tests/cases/hamlet")
    store = next(name for name, host in city.hosts.items() if host.stores)
    opened = _hamlet(store, _added("input", {"accept": None}), barred)
    assert all(found.packets.witness().service.second == 3306 for found in refutations(opened, barred))  # type: ignore[union-attr]
    assert refutations(opened, barred)


def _mutants() -> Iterator[Any]:
    city = _city("tests/cases/hamlet")
    for machine in city.machines():
        for index, each in enumerate(compiled(city, machine)):
            for element in range(len(each.get("set", {}).get("elem", ()))) if "set" in each else ():
                if each["set"]["name"].startswith(("flows", "echo")):
                    yield pytest.param(machine, index, element, id=f"{machine}-{each['set']['name']}-{element}")


@pytest.mark.slow
@pytest.mark.parametrize(("machine", "index", "element"), list(_mutants()))
def test_each_element_taken_away_is_missed(machine: str, index: int, element: int) -> None:
    proof = _hamlet(machine, lambda objects: objects[index]["set"]["elem"].pop(element))
    assert _sorts(proof) == {Sort.LESS}


def _tried(proof: Proof, count: int) -> Iterator[tuple[str, str | None, Packet]]:
    """Yield packets from places: any at all, and as many that arrive somewhere, sent from there or from elsewhere."""
    pick = random.Random(7)
    town = proof.town
    for turn in range(count):
        family = proof.families[pick.choice((4, 6))]
        space, start = family.space, pick.choice([*town.segments, *town.devices])
        if turn % 2:
            arrival = pick.choice(family.reached.arrivals)
            start = pick.choice((arrival.start, arrival.start, start))
            major, plane = pick.choice(list(arrival.packets.planes.items()))
            block, bits = pick.choice(list(plane.items()))
            packet = space.packet(major, block, pick.choice([at for at in range(bits.bit_length()) if bits >> at & 1]))
        else:
            major, minor = pick.randrange(len(space.majors.samples)), pick.randrange(len(space.minors.samples))
            row, service = minor % space.block, pick.randrange(space.width)
            packet = space.packet(major, minor // space.block, row * space.width + service)
        near = [device.name for device in town.on(start)] if start in town.segments else [None]
        yield start, pick.choice(near), packet


def test_one_packet_at_a_time_gives_the_same_answers_as_all_at_once() -> None:
    proof = _reference()
    arrived = 0
    for start, first, packet in _tried(proof, 3000):
        if first_state(packet) is not State.NEW:
            continue
        ends = {
            each.end
            for each in proof.families[packet.family].reached.arrivals
            if each.start == start and (first is None or each.crossings[0].device.name == first)
            if each.packets.holds(packet)
        }
        gone = journey(proof.town, packet, start, first=first)
        assert ({gone.end} if gone.end else set()) == ends, (start, first, packet.show())
        arrived += bool(ends)
    assert arrived > 500


def test_a_town_needs_every_machines_firewall() -> None:
    city = _city("tests/cases/hamlet")
    with pytest.raises(KeyError):
        town_of(city, {})
