from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from beffroi.city import City
from beffroi.network.permits import Permit, permits
from beffroi.network.ruleset import ruleset

Town = Callable[..., City]
FlowOf = Callable[..., dict[str, Any]]


def _chain(text: str, name: str) -> list[str]:
    found = re.search(rf"chain {name} {{\n(.*?)\n    }}", text, re.DOTALL)
    assert found, name
    return [line.strip() for line in found[1].splitlines()]


def _of_flows(text: str, chain: str) -> list[str]:
    return [line for line in _chain(text, chain) if 'comment "flow ' in line]


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
    accepted = 'tcp dport 22 ct state new counter accept comment "flow admin-ssh"'
    assert _of_flows(ruleset(town, "core"), "forward") == [
        f'iifname "transit" oifname "servers" ip saddr 10.0.3.10 ip daddr 10.0.4.10 {accepted}',
        f'iifname "transit" oifname "servers" ip6 saddr fd00:0:0:3::10 ip6 daddr fd00:0:0:4::10 {accepted}',
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
    assert all("ip saddr != @town4" in rule or "ip6 saddr != @town6" in rule for rule in _rules_of(town, "edge"))


def test_sources_outside_and_inside_are_never_merged(small_town: Town, flow_of: FlowOf) -> None:
    town = small_town(flows=[flow_of("site", ["internet", "admin"], "app", "web")])
    assert [re.search(r"ip6? saddr (!= \S+|\S+)", rule)[1] for rule in _rules_of(town, "core")] == [  # type: ignore[index]
        "!= @town4",
        "!= @town6",
        "10.0.3.0/24",
        "fd00:0:0:3::/64",
    ]


def _rules_of(town: City, machine: str) -> list[str]:
    return _of_flows(ruleset(town, machine), "forward")


def test_two_destinations_with_two_sources_each_are_one_exact_product(small_town: Town, flow_of: FlowOf) -> None:
    town = small_town(flows=[flow_of("w", ["bastion", "logs"], ["app", "db"], "web")])
    assert "ip saddr 10.0.3.10/31 ip daddr 10.0.4.10/31" in _rules_of(town, "core")[0]


def test_a_gateway_answers_inside_on_any_of_its_inner_addresses(small_town: Town, flow_of: FlowOf) -> None:
    town = small_town(flows=[flow_of("admin-ssh", "bastion", "core", "ssh")])
    rule = _of_flows(ruleset(town, "core"), "input")[0]
    assert 'iifname "transit"' in rule
    assert "ip daddr { 10.0.2.2, 10.0.4.1, 10.0.5.1, 10.0.6.1 }" in rule


def test_behind_a_masquerading_gateway_the_source_is_the_gateway(small_town: Town, flow_of: FlowOf) -> None:
    town = small_town(flows=[flow_of("w", "users", "bastion", "web")])
    core = town.gateways["core"].model_copy(update={"masquerade": ("transit",)})
    town = town.model_copy(update={"gateways": {**town.gateways, "core": core}})
    assert [str(network) for network in permits(town, "bastion")[0].source.ipv4 or ()] == ["10.0.2.2/32"]


def test_declared_echo_is_bounded(small_town: Town, flow_of: FlowOf) -> None:
    town = small_town(flows=[flow_of("ping", "admin", "app", "ping")])
    assert all("limit rate 20/second" in rule for rule in _of_flows(ruleset(town, "app"), "input"))


def test_a_gateway_refuses_sources_that_do_not_live_behind_the_interface(small_town: Town) -> None:
    rules = _chain(ruleset(small_town(), "core"), "spoofing")
    assert 'iifname "sensors" ip saddr != 10.0.6.0/24 counter drop comment "spoofed source"' in rules


def test_the_uplink_never_brings_the_towns_own_sources(small_town: Town) -> None:
    rules = _chain(ruleset(small_town(), "edge"), "spoofing")
    assert rules[1].startswith('iifname "internet" ip saddr { 10.0.1.2, 10.0.2.0/23, 10.0.4.0/23, 10.0.6.0/24 }')


def test_private_sources_are_hidden_only_where_the_town_says_so(small_town: Town) -> None:
    town = small_town()
    assert 'oifname "internet" ip saddr { 10.0.0.0/8' in ruleset(town, "edge")
    assert "masquerade" not in ruleset(town, "core")
