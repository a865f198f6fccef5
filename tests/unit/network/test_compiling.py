from __future__ import annotations

from collections.abc import Callable
from datetime import date
from difflib import unified_diff
from pathlib import Path
from typing import Any

import pytest

from beffroi.city import City, Flow, Published, Text
from beffroi.city.loader import load_city
from beffroi.network.committed import committed, proof_of
from beffroi.network.compiling import compiled
from beffroi.network.reader import read
from beffroi.network.ruleset import ruleset

Town = Callable[..., City]
FlowOf = Callable[..., dict[str, Any]]


def _all(objects: list[dict[str, Any]], sort: str) -> list[dict[str, Any]]:
    return [each[sort] for each in objects if sort in each]


def _elements(objects: list[dict[str, Any]], name: str) -> list[Any]:
    (found,) = [each["elem"] for each in _all(objects, "set") if each["name"] == name]
    return list(found)


def _values(objects: list[dict[str, Any]], name: str) -> list[Any]:
    return [each["elem"]["val"] for each in _elements(objects, name)]


def test_the_rules_of_a_chain_are_as_many_for_a_hundred_flows_as_for_one(small_town: Town, flow_of: FlowOf) -> None:
    flows = [flow_of(f"f{number}", "users", "app", "ssh") for number in range(100)]
    one, many = (compiled(small_town(flows=flows[:count]), "core") for count in (1, 100))
    assert len(_all(one, "rule")) == len(_all(many, "rule"))


def test_an_element_carries_its_flows_name_and_counts(small_town: Town, flow_of: FlowOf) -> None:
    objects = compiled(small_town(flows=[flow_of("admin-ssh", "bastion", "app", "ssh")]), "core")
    (element,) = _elements(objects, "flows-forward4")
    assert element["elem"]["comment"] == "admin-ssh"
    assert "counter" in element["elem"]


def test_names_that_do_not_fit_a_comment_are_counted(small_town: Town, flow_of: FlowOf) -> None:
    flows = [flow_of(f"a-rather-long-name-{number}", "users", "app", "ssh") for number in range(20)]
    (element,) = _elements(compiled(small_town(flows=flows), "core"), "flows-forward4")
    assert len(element["elem"]["comment"].encode()) <= 127
    assert element["elem"]["comment"].endswith(" +15")


def test_a_flow_inside_another_is_an_element_of_its_own(small_town: Town, flow_of: FlowOf) -> None:
    flows = [flow_of("one", "bastion", "app", "ssh"), flow_of("all", "admin", "app", "ssh")]
    values = _values(compiled(small_town(flows=flows), "core"), "flows-forward4")
    assert [value["concat"][0] for value in values] == [
        {"range": ["10.0.3.0", "10.0.3.9"]},
        "10.0.3.10",
        {"range": ["10.0.3.11", "10.0.3.255"]},
    ]


def test_one_more_flow_adds_elements_and_moves_none(small_town: Town, flow_of: FlowOf) -> None:
    flows = [flow_of("f", "users", "db", "ssh"), flow_of("g", "admin", "app", "ssh")]
    before = _values(compiled(small_town(flows=flows[:1]), "core"), "flows-forward4")
    after = _values(compiled(small_town(flows=flows), "core"), "flows-forward4")
    assert [value for value in after if value in before] == before


def test_the_order_of_flows_changes_nothing_where_they_do_not_overlap(small_town: Town, flow_of: FlowOf) -> None:
    flows = [flow_of("f", "users", "db", "ssh"), flow_of("g", "admin", "app", "ssh")]
    assert compiled(small_town(flows=flows), "core") == compiled(small_town(flows=flows[::-1]), "core")


def test_link_local_sources_are_not_the_internet(small_town: Town, flow_of: FlowOf) -> None:
    objects = compiled(small_town(flows=[flow_of("out", "app", "internet", "ssh")]), "core")
    assert {"prefix": {"addr": "fe80::", "len": 10}} in _elements(objects, "town6")


def test_a_machine_that_no_flow_of_the_internet_crosses_has_no_set_of_the_town(
    small_town: Town, flow_of: FlowOf
) -> None:
    objects = compiled(small_town(flows=[flow_of("inside", "bastion", "app", "ssh")]), "app")
    assert not [each["name"] for each in _all(objects, "set") if each["name"].startswith("town")]


@pytest.mark.parametrize("machine", ["edge", "core", "app"])
def test_neighbour_discovery_needs_no_hop_limit_rule_since_the_kernel_checks_it(small_town: Town, machine: str) -> None:
    assert "hoplimit" not in str(compiled(small_town(), machine))


def test_a_machine_that_no_town_has_is_a_key_error(small_town: Town) -> None:
    with pytest.raises(KeyError):
        compiled(small_town(), "nobody")


@pytest.fixture
def publishing(small_town: Town, flow_of: FlowOf) -> City:
    """A town whose edge publishes the web service of a host with a private address."""
    town = small_town(flows=[flow_of("site", "internet", "app", "web")])
    edge = town.gateways["edge"].model_copy(update={"publish": (Published(service="web", host="app"),)})
    return town.model_copy(update={"gateways": {**town.gateways, "edge": edge}})


def _findings_without(city: City, word: str) -> list[tuple[str, str, str]]:
    """Return what the proof finds once the statements that hold a word are gone from the edge."""
    objects = compiled(city, "edge")
    for each in _all(objects, "rule"):
        each["expr"] = [statement for statement in each["expr"] if not word or word not in str(statement)]
    found = proof_of(city, {**committed(city), "edge": read({"nftables": objects})}).findings
    return [(str(each.sort), each.start, each.end) for each in found if each.family == 4]


def test_a_published_service_is_reached_at_the_gateways_address_and_nowhere_else(publishing: City) -> None:
    assert _findings_without(publishing, "") == []


def test_without_the_translation_the_published_service_is_not_reached(publishing: City) -> None:
    assert ("less", "internet", "app") in _findings_without(publishing, "'dnat': {")


def test_without_its_guard_the_private_address_would_be_open(publishing: City) -> None:
    assert ("more", "internet", "app") in _findings_without(publishing, "'status'")


def test_over_ipv6_a_published_service_is_reached_directly(publishing: City) -> None:
    element = _elements(compiled(publishing, "edge"), "flows-from-internet-forward6")[0]
    assert element["elem"]["val"]["concat"][0] == "fd00:0:0:4::10"


def test_a_flow_from_a_segment_is_not_one_of_its_gateway_whose_way_leaves_by_another_link(
    small_town: Town, flow_of: FlowOf
) -> None:
    town = small_town(flows=[flow_of("out", "users", "internet", "web")])
    assert proof_of(town, committed(town)).findings == []


REFERENCE = load_city(Path(__file__).parents[3] / "inventory" / "bourg-sur-gave")


def _lines_changed(flows: tuple[Flow, ...]) -> dict[str, int]:
    """Return how many lines of each machine's text other flows than the reference city's add or take away."""
    changed = REFERENCE.model_copy(update={"flows": flows})
    found = {}
    for machine in REFERENCE.machines():
        texts = (ruleset(city, machine).splitlines() for city in (REFERENCE, changed))
        found[machine] = sum(line[0] in "+-" and line[:3] not in {"+++", "---"} for line in unified_diff(*texts, n=0))
    return found


@pytest.mark.parametrize("index", range(len(REFERENCE.flows)), ids=[flow.name for flow in REFERENCE.flows])
def test_a_flow_taken_out_of_the_reference_city_changes_few_lines_and_only_where_it_passed(index: int) -> None:
    flow = REFERENCE.flows[index]
    changed = _lines_changed((*REFERENCE.flows[:index], *REFERENCE.flows[index + 1 :]))
    named = {machine for machine in changed if flow.name in ruleset(REFERENCE, machine)}
    assert {machine for machine, lines in changed.items() if lines} == named
    # An element in each family for each pair of ends, and for the last of a set the set itself and its rule.
    ends = len(flow.source) * len(flow.destination)
    assert max(changed.values()) <= 40 * max(ends, 1)


@pytest.mark.slow
def test_most_flows_of_the_reference_city_are_four_lines_or_less_of_a_machine() -> None:
    flows = REFERENCE.flows
    sizes = sorted(max(_lines_changed((*flows[:at], *flows[at + 1 :])).values()) for at in range(len(flows)))
    assert sizes[len(sizes) // 2] <= 4


def test_why_a_flow_is_open_and_until_when_changes_no_line() -> None:
    word = Text(fr="autre", en="other")
    flows = tuple(flow.model_copy(update={"purpose": word, "until": date(2031, 1, 1)}) for flow in REFERENCE.flows)
    assert set(_lines_changed(flows).values()) == {0}
