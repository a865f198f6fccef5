"""What a ruleset does and no model follows: the packets it touches are in doubt, and nothing is proved of them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from beffroi.city import City
from beffroi.city.loader import load_city
from beffroi.network import recheck
from beffroi.network.alteration import compare_rulesets
from beffroi.network.anomalies import anomalies
from beffroi.network.certificate import certificate
from beffroi.network.committed import proof_of
from beffroi.network.compiling import compiled
from beffroi.network.conntrack import Packet
from beffroi.network.firewall import Firewall
from beffroi.network.invariants import Invariant, Places, refutations
from beffroi.network.proof import Proof
from beffroi.network.reader import read
from beffroi.network.services import SYN, Point
from beffroi.network.trace import Decision, trace

pytestmark = pytest.mark.slow  # each follows a town along every path

Objects = list[dict[str, Any]]
DESTINATION = {"payload": {"protocol": "ip", "field": "daddr"}}
REWRITES = [
    {"match": {"op": "==", "left": DESTINATION, "right": "10.99.98.1"}},
    {"mangle": {"key": DESTINATION, "value": "10.99.20.13"}},
]
ZONE = [{"mangle": {"key": {"ct": {"key": "zone"}}, "value": 5}}]


@cache
def _city() -> City:
    return load_city(Path(__file__).parents[3] / "tests" / "cases" / "hamlet")


def _beside(*expressions: object, family: str = "inet", hook: str = "prerouting", **about: Any) -> Objects:  # noqa: ANN401
    """Return a table of one chain and one rule, as nft lists it."""
    place = {"family": family, "table": "by hand"}
    head = {**place, "name": "c", "type": "filter", "hook": hook, "prio": -150, "policy": "accept", **about}
    return [
        {"table": {"family": family, "name": "by hand"}},
        {"chain": head},
        {"rule": {**place, "chain": "c", "expr": list(expressions)}},
    ]


def _with(machine: str, more: Objects, *invariants: Invariant) -> Proof:
    objects = {name: compiled(_city(), name) + (more if name == machine else []) for name in _city().machines()}
    return proof_of(_city(), {name: read({"nftables": each}) for name, each in objects.items()}, *invariants)


def _sorts(machine: str, more: Objects) -> set[str]:
    return {finding.sort.value for finding in _with(machine, more).findings}


def _ends(machine: str, more: Objects) -> set[tuple[str, str]]:
    return {(finding.start, finding.end) for finding in _with(machine, more).findings}


@pytest.mark.parametrize(
    "more",
    [
        _beside(*REWRITES),
        _beside({"queue": None}),
        _beside({"xt": {"type": "target", "name": "DNAT"}}),
        _beside({"dup": {"addr": "10.99.20.13"}}),
        _beside(*ZONE, prio=-300),
        _beside({"ct helper": "ftp"}),
        _beside({"ct expectation": "calls"}),
        _beside({"drop": None}, family="bridge", hook="forward"),
        _beside({"drop": None}, family="bridge"),
        _beside({"drop": None}, family="netdev", hook="ingress", dev="admin"),
        _beside({"drop": None}, family="netdev", hook="ingress", dev="the-card-below"),
        _beside({"drop": None}, family="netdev", hook="egress", dev="admin"),
        _beside({"fwd": {"dev": "admin"}}, family="netdev", hook="ingress", dev="sensors"),
        _beside({"mangle": {"key": {"meta": {"key": "broute"}}, "value": 1}}, family="bridge"),
    ],
    ids=str,
)
def test_what_is_not_followed_is_in_doubt_and_nothing_is_guessed(more: Objects) -> None:
    assert _sorts("core", more) == {"unknown"}


@pytest.mark.parametrize(
    "more",
    [
        _beside({"drop": None}, family="arp", hook="input"),
        _beside({"accept": None}, family="bridge", hook="forward"),
        _beside({"counter": None}, {"accept": None}, family="netdev", hook="ingress", dev="admin"),
        _beside({"mangle": {"key": {"meta": {"key": "mark"}}, "value": 5}}),
        _beside({"mangle": {"key": {"payload": {"protocol": "ip", "field": "dscp"}}, "value": 5}}),
        _beside({"drop": None}, family="netdev", hook="ingress", dev="lo"),
    ],
    ids=str,
)
def test_what_touches_no_packet_s_way_raises_no_doubt(more: Objects) -> None:
    assert _sorts("core", more) == set()


def test_a_packet_rewritten_into_another_may_be_anywhere_though_its_own_way_is_closed() -> None:
    assert ("internet", "core") in _ends("core", _beside(*REWRITES))


def test_an_invariant_is_in_doubt_for_packets_that_may_become_others() -> None:
    closed = Invariant(sources=Places(names=("internet",)), destinations=Places(names=("log",)))
    found = list(refutations(_with("core", _beside(*REWRITES), closed), closed))
    assert found
    assert all(each.doubtful for each in found)
    assert list(refutations(_with("core", [], closed), closed)) == []


def test_a_bridge_puts_in_doubt_what_crosses_its_segments_between_others_alone() -> None:
    assert _ends("bastion", _beside({"drop": None}, family="bridge", hook="forward")) <= {
        (start, end) for start in _city().machines() for end in _city().machines() if start != end
    } | {("admin", name) for name in _city().machines()}


def test_no_certificate_holds_where_a_bridge_may_drop_packets(tmp_path: Path) -> None:
    proof = _with("bastion", _beside({"drop": None}, family="bridge", hook="forward"))
    (tmp_path / "certificate.json").write_text(certificate(proof))
    assert recheck.main([str(tmp_path / "certificate.json")]) == 1


def test_one_packet_asked_about_is_not_answered_for_after_it_was_rewritten() -> None:
    rules: Objects = [*_beside(*REWRITES), *_beside({"drop": None}, hook="input", family="ip")]
    packet = Packet(4, 1, 0x0A636201, Point(6, 1024, 22, SYN))
    assert trace(_firewall(rules), packet, hooks=["prerouting", "input"]).decision is Decision.UNKNOWN


def _firewall(objects: Objects) -> Firewall:
    return read({"nftables": objects})


def test_two_rulesets_that_differ_in_a_zone_are_not_proved_the_same() -> None:
    other = [{"mangle": {"key": {"ct": {"key": "zone"}}, "value": 6}}]
    assert not compare_rulesets(_firewall(_beside(*ZONE)), _firewall(_beside(*other))).same
    assert compare_rulesets(_firewall(_beside(*ZONE)), _firewall(_beside(*ZONE))).same


def test_a_rule_edited_behind_one_that_rewrites_is_not_proved_the_same() -> None:
    rewriting = _beside(REWRITES[1])
    place = {"family": "inet", "table": "by hand", "chain": "c"}
    drops, accepts = ([*rewriting, {"rule": {**place, "expr": [{verb: None}]}}] for verb in ("drop", "accept"))
    assert not compare_rulesets(_firewall(drops), _firewall(accepts)).same


def test_a_rule_behind_one_that_rewrites_is_not_called_shadowed() -> None:
    more = {"family": "inet", "table": "by hand", "chain": "c", "expr": [REWRITES[0], {"drop": None}]}
    assert anomalies(_firewall([*_beside(REWRITES[1]), {"rule": more}])) == []
