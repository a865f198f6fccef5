from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from beffroi.city import City
from beffroi.network.compiling import compiled
from beffroi.network.permits import Permit, permits
from beffroi.network.ruleset import ruleset

Town = Callable[..., City]
FlowOf = Callable[..., dict[str, Any]]


def _chain(text: str, name: str) -> list[str]:
    found = re.search(rf"chain {name} {{\n(.*?)\n    }}", text, re.DOTALL)
    assert found, name
    return [line.strip() for line in found[1].splitlines()]


def _of_flows(text: str, chain: str) -> list[str]:
    """Return the elements of the sets that a chain looks flows up in, and the rules that say more than a set does."""
    named = re.findall(r"@((?:flows|echo)-?\S*)", " ".join(_chain(text, chain)))
    return [line for name in named for line in _elements(text, name)]


def _elements(text: str, name: str) -> list[str]:
    found = re.search(rf"set {name} {{\n.*?elements = {{\n(.*?)\n        }}", text, re.DOTALL)
    assert found, name
    return [line.strip().rstrip(",") for line in found[1].splitlines()]


def _sides(found: list[Permit]) -> list[tuple[str, str, str]]:
    return [(permit.chain, permit.entry, permit.exit) for permit in found]


@pytest.mark.parametrize("machine", ["edge", "core", "app"])
@pytest.mark.parametrize("hook", ["input", "forward", "output"])
def test_every_chain_drops_by_default(small_town: Town, machine: str, hook: str) -> None:
    assert _chain(ruleset(small_town(), machine), hook)[0] == f"type filter hook {hook} priority filter; policy drop;"


@pytest.mark.parametrize("hook", ["input", "forward", "output"])
def test_a_town_without_flows_opens_nothing(small_town: Town, hook: str) -> None:
    assert _of_flows(ruleset(small_town(), "core"), hook) == []


def test_a_flow_opens_one_way_along_its_path_and_names_itself(small_town: Town, flow_of: FlowOf) -> None:
    town = small_town(flows=[flow_of("admin-ssh", "bastion", "app", "ssh")])
    assert _of_flows(ruleset(town, "core"), "forward") == [
        '10.0.3.10 . 10.0.4.10 . tcp . 22 counter comment "admin-ssh"',
        'fd00:0:0:3::10 . fd00:0:0:4::10 . tcp . 22 counter comment "admin-ssh"',
    ]


@pytest.mark.parametrize(
    ("machine", "sides"),
    [
        ("bastion", [("output", "", "admin")]),
        ("edge", [("forward", "admin", "transit")]),
        ("core", [("forward", "transit", "servers")]),
        ("app", [("input", "servers", "")]),
        ("db", []),
    ],
)
def test_each_machine_on_the_path_lets_its_part_through(
    small_town: Town, flow_of: FlowOf, machine: str, sides: list[tuple[str, str, str]]
) -> None:
    town = small_town(flows=[flow_of("admin-ssh", "bastion", "app", "ssh")])
    assert _sides(permits(town, machine)) == sides


def test_a_flow_inside_a_segment_concerns_its_hosts_alone(small_town: Town, flow_of: FlowOf) -> None:
    town = small_town(flows=[flow_of("sql", "app", "db", "web")])
    assert {name: _sides(permits(town, name)) for name in ("core", "app", "db")} == {
        "core": [],
        "app": [("output", "", "servers")],
        "db": [("input", "servers", "")],
    }


def test_internet_means_all_but_the_town(small_town: Town, flow_of: FlowOf) -> None:
    town = small_town(flows=[flow_of("site", "internet", "app", "web")])
    rules = [rule for rule in _chain(ruleset(town, "edge"), "forward") if "@flows" in rule]
    assert len(rules) == 2
    assert all("ip saddr != @town4" in rule or "ip6 saddr != @town6" in rule for rule in rules)


def test_sources_outside_and_inside_are_never_merged(small_town: Town, flow_of: FlowOf) -> None:
    town = small_town(flows=[flow_of("site", ["internet", "admin"], "app", "web")])
    assert {rule.partition(" . ")[0] for rule in _rules_of(town, "core") if rule.count(" . ") == 3} == {
        "10.0.3.0/24",
        "fd00:0:0:3::/64",
    }
    assert sum("saddr != @town" in rule for rule in _chain(ruleset(town, "core"), "forward")) == 2


def _rules_of(town: City, machine: str) -> list[str]:
    return _of_flows(ruleset(town, machine), "forward")


def test_two_destinations_with_two_sources_each_are_one_exact_product(small_town: Town, flow_of: FlowOf) -> None:
    town = small_town(flows=[flow_of("w", ["bastion", "logs"], ["app", "db"], "web")])
    four = [rule for rule in _rules_of(town, "core") if ":" not in rule]
    ends = {
        ("10.0.3.10", "10.0.4.10"),
        ("10.0.3.10", "10.0.4.11"),
        ("10.0.3.11", "10.0.4.10"),
        ("10.0.3.11", "10.0.4.11"),
    }
    assert {tuple(rule.split(" . ")[:2]) for rule in four} == ends


def test_a_gateway_answers_inside_on_any_of_its_inner_addresses(small_town: Town, flow_of: FlowOf) -> None:
    town = small_town(flows=[flow_of("admin-ssh", "bastion", "core", "ssh")])
    answered = {rule.split(" . ")[1] for rule in _of_flows(ruleset(town, "core"), "input") if "::" not in rule}
    assert answered == {"10.0.2.2", "10.0.4.1", "10.0.5.1", "10.0.6.1"}


def test_behind_a_masquerading_gateway_the_source_is_the_gateway(small_town: Town, flow_of: FlowOf) -> None:
    town = small_town(flows=[flow_of("w", "users", "bastion", "web")])
    core = town.gateways["core"].model_copy(update={"masquerade": ("transit",)})
    town = town.model_copy(update={"gateways": {**town.gateways, "core": core}})
    assert [str(network) for network in permits(town, "bastion")[0].source.ipv4 or ()] == ["10.0.2.2/32"]


def test_declared_echo_is_bounded(small_town: Town, flow_of: FlowOf) -> None:
    town = small_town(flows=[flow_of("ping", "admin", "app", "ping")])
    rules = [rule for rule in _chain(ruleset(town, "app"), "input") if "echo-request" in rule]
    assert len(rules) == 2
    assert all("limit rate 20/second" in rule for rule in rules)


def test_a_gateway_refuses_sources_that_do_not_live_behind_the_interface(small_town: Town) -> None:
    text = ruleset(small_town(), "core")
    rules = _chain(text, "spoofing")
    assert '"sensors" . 10.0.6.0/24,' in text
    assert 'iifname . ip saddr @behind4 accept comment "at home there"' in rules
    assert rules[-1].startswith('iifname { "users", "servers", "sensors", "transit" } counter drop')


def test_the_uplink_never_brings_the_towns_own_sources(small_town: Town) -> None:
    city = small_town()
    elsewhere = next(each["set"] for each in compiled(city, "edge") if each.get("set", {}).get("name") == "elsewhere4")
    assert 'iifname "internet" ip saddr != @elsewhere4 accept comment "from outside"' in ruleset(city, "edge")
    assert elsewhere["elem"] == [
        "10.0.1.2",
        {"prefix": {"addr": "10.0.2.0", "len": 23}},
        {"prefix": {"addr": "10.0.4.0", "len": 23}},
        {"prefix": {"addr": "10.0.6.0", "len": 24}},
    ]


def test_forged_sources_cost_the_same_few_rules_however_many_interfaces(small_town: Town) -> None:
    city = small_town()
    assert len(_chain(ruleset(city, "core"), "spoofing")) == len(_chain(ruleset(city, "edge"), "spoofing"))


def test_private_sources_are_hidden_only_where_the_town_says_so(small_town: Town) -> None:
    town = small_town()
    assert 'oifname "internet" ip saddr { 10.0.0.0/8' in ruleset(town, "edge")
    assert "masquerade" not in ruleset(town, "core")
