from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from beffroi import nft
from beffroi.city import City
from beffroi.kinds import Site
from beffroi.kinds.nftables_ruleset import FleetAccess, Params, Setting, expected, judge
from beffroi.verdict import Outcome, worst

Town = Callable[..., City]
FlowOf = Callable[..., dict[str, Any]]

LISTING = """table inet beffroi {
	set town4 {
		type ipv4_addr
		flags interval
		elements = { 10.0.2.0/23,
			10.0.4.0-10.0.6.255 }
	}

	chain input {
		type filter hook input priority filter; policy drop;
		iifname "lo" accept comment "loopback"
		ct state established,related counter accept comment "answers"
		meta protocol ip6 icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept comment "neighbours"
		%s
	}

	chain forward {
		type filter hook forward priority filter; policy drop;
	}

	chain output {
		type filter hook output priority filter; policy drop;
	}
}
"""
PROBES = FleetAccess(fleet="probes", ipv4="10.0.6.128/25", ipv6="fd00:0:0:6:1::/80", allowed=("tcp/8883",))


def _facts(**changes: object) -> dict[str, Any]:
    rules = ["inet beffroi input: policy drop", "inet beffroi input: ssh accept"]
    return {"file": "declared", "running": rules, "compiled": rules, "refused": "", "boot": "enabled", **changes}


def _whole(**changes: object) -> Outcome:
    return worst(judge([Setting(judged="whole", ruleset="declared")], _facts(**changes)))


def _barred(rule: str, fleet: FleetAccess = PROBES) -> Outcome:
    setting = Setting(judged="fleets-barred", ruleset="declared", fleets=(fleet,))
    return worst(judge([setting], _listed(LISTING % rule)))


def _listed(listing: str) -> dict[str, Any]:
    meaning = nft.listed(
        f"table inet beffroi {{\nchain elsewhere {{\naccept\n}}\n}}\n{listing}", shown_as="the listing"
    )
    return _facts(listing=listing, meaning=json.dumps(meaning))


def _access(town: City, machine: str) -> dict[str, tuple[str, ...]]:
    site = Site(name=machine, machine=town.machines()[machine], city=town)
    (setting,) = expected(Params(judged="fleets-barred"), site)
    return {fleet.fleet: fleet.allowed for fleet in setting.fleets}


def test_the_declared_ruleset_passes() -> None:
    assert _whole() is Outcome.PASS


def test_a_rule_added_by_hand_is_named() -> None:
    seen = ["inet beffroi input: policy drop", "inet beffroi input: accept", "inet beffroi input: ssh accept"]
    findings = judge([Setting(judged="whole", ruleset="declared")], _facts(running=seen))
    assert [(f.subject, f.expected, f.observed) for f in findings] == [
        ("inet beffroi input: accept", "absent", "running")
    ]


def test_a_missing_rule_fails() -> None:
    assert _whole(running=["inet beffroi input: policy drop"]) is Outcome.FAIL


def test_the_same_rules_in_another_order_fail() -> None:
    assert _whole(running=["inet beffroi input: ssh accept", "inet beffroi input: policy drop"]) is Outcome.FAIL


def test_a_flushed_ruleset_fails() -> None:
    assert _whole(running=[]) is Outcome.FAIL


def test_a_file_that_was_edited_fails_even_when_the_kernel_is_right() -> None:
    assert _whole(file="declared, then edited") is Outcome.FAIL


def test_a_firewall_that_the_next_boot_forgets_fails() -> None:
    assert _whole(boot="disabled") is Outcome.FAIL


def test_a_declared_file_that_nft_cannot_compile_is_an_error() -> None:
    assert _whole(compiled=None, refused="unshare: denied") is Outcome.ERROR


@pytest.mark.parametrize(
    "rule",
    [
        "accept",
        'tcp dport 22 accept comment "ip saddr 10.0.3.10"',
        "ip saddr 10.0.0.0/8 tcp dport 5432 accept",
        "ip saddr { 10.0.3.1, 10.0.6.200 } tcp dport 22 accept",
        "ip6 saddr fd00:0:0:6::/64 accept",
        "ip saddr != @town4 accept\n\t\tip saddr @town4 accept",
        "ip saddr != 10.0.6.128/26 accept",
        "ip saddr 10.0.6.128/25 tcp dport 8000-9000 accept",
        "ip saddr 10.0.6.128/25 udp dport 8883 accept",
        "jump elsewhere",
        "ip saddr . tcp dport { 10.0.6.129 . 22 } accept",
        "tcp dport vmap { 22 : accept, 25 : drop }",
    ],
)
def test_a_rule_that_lets_a_fleet_in_fails(rule: str) -> None:
    assert _barred(rule) is Outcome.FAIL


@pytest.mark.parametrize(
    "rule",
    [
        "ip saddr 10.0.3.10 tcp dport 22 accept",
        "ip saddr != @town4 tcp dport 443 accept",
        "ip saddr 10.0.6.128/25 tcp dport 8883 counter accept",
        'counter comment "accept"',
        "ip saddr 10.0.6.128/25 drop",
    ],
)
def test_a_rule_that_bars_the_fleet_or_serves_its_flow_passes(rule: str) -> None:
    assert _barred(rule) is Outcome.PASS


def test_a_policy_that_accepts_fails_whatever_the_rules_say() -> None:
    listing = (LISTING % "drop").replace(
        "hook input priority filter; policy drop", "hook input priority filter; policy accept"
    )
    setting = Setting(judged="fleets-barred", ruleset="declared", fleets=(PROBES,))
    assert worst(judge([setting], _listed(listing))) is Outcome.FAIL


def test_a_ruleset_that_cannot_be_read_is_an_error() -> None:
    setting = Setting(judged="fleets-barred", ruleset="declared", fleets=(PROBES,))
    assert worst(judge([setting], _facts(listing=LISTING % "drop", meaning="{"))) is Outcome.ERROR


@pytest.mark.parametrize("hook", ["input", "forward", "output"])
def test_each_hook_must_drop_by_default(hook: str) -> None:
    listing = (LISTING % "drop").replace(
        f"hook {hook} priority filter; policy drop", f"hook {hook} priority filter; policy accept"
    )
    findings = judge([Setting(judged="default-drop", ruleset="declared")], _facts(listing=listing))
    assert [finding.subject for finding in findings if finding.outcome is Outcome.FAIL] == [hook]


def test_a_fleet_may_use_only_what_is_declared_towards_the_machine(small_town: Town, flow_of: FlowOf) -> None:
    town = small_town(flows=[flow_of("readings", "probes", "app", "mqtt")])
    assert _access(town, "app") == {"probes": ("tcp/8883",)}
    assert _access(town, "db") == {"probes": ()}


def test_a_flow_of_the_fleets_whole_segment_counts_for_the_fleet(small_town: Town, flow_of: FlowOf) -> None:
    assert _access(small_town(flows=[flow_of("w", "sensors", "app", "web")]), "app") == {
        "probes": ("tcp/443", "tcp/80")
    }
