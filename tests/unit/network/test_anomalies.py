from __future__ import annotations

from pathlib import Path

import pytest

from beffroi import nft
from beffroi.city.loader import load_city
from beffroi.network.anomalies import Sort, anomalies
from beffroi.network.committed import committed
from beffroi.network.counters import unused
from beffroi.network.reader import read


def _found(*rules: str, hook: str = "forward") -> list[tuple[Sort, int]]:
    body = "\n".join(rules)
    text = f"table inet t {{\nchain c {{ type filter hook {hook} priority 0; policy drop;\n{body}\n}}\n}}"
    return [(each.sort, each.place.position) for each in anomalies(read(nft.listed(text, shown_as="test")))]


def test_each_rule_of_the_reference_city_does_something() -> None:
    city = load_city(Path(__file__).parents[3] / "inventory" / "bourg-sur-gave")
    assert [(name, each) for name, firewall in committed(city).items() for each in anomalies(firewall)] == []


def test_a_rule_behind_a_wider_one_is_shadowed() -> None:
    assert _found("tcp dport 1-1024 accept", "tcp dport 22 drop") == [(Sort.SHADOWED, 2)]


def test_several_rules_together_shadow_another() -> None:
    assert _found("ip saddr 10.0.0.0/9 drop", "ip saddr 10.128.0.0/9 drop", "ip saddr 10.0.0.0/8 accept") == [
        (Sort.SHADOWED, 3)
    ]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("iifname lan accept", "tcp dport 22 accept"),
        ("ct state established accept", "tcp dport 22 accept"),
        ("ip saddr 10.0.0.0/8 accept", "tcp dport 22 accept"),
        ("meta mark 5 drop", "meta mark 5 accept"),
        ("limit rate 5/second accept", "tcp dport 22 accept"),
        ("counter", "log"),
        ("ct status dnat accept", "tcp dport 22 accept"),
        ('iifname "lan0" drop', 'iifname "lan*" accept'),
        ("ct state invalid drop", "log"),
        ('iifname "lan0*" drop', 'iifname "lan*" accept'),
        ('iifname "a*" accept', "tcp dport 22 accept"),
    ],
)
def test_a_rule_that_still_has_something_to_decide_raises_no_alarm(first: str, second: str) -> None:
    assert _found(first, second) == []


def _causes(*rules: str) -> list[tuple[Sort, int, list[int]]]:
    body = "\n".join(rules)
    text = f"table inet t {{\nchain c {{ type filter hook forward priority 0; policy drop;\n{body}\n}}\n}}"
    found = anomalies(read(nft.listed(text, shown_as="test")))
    return [(each.sort, each.place.position, [cause.position for cause in each.causes]) for each in found]


def test_a_rule_before_a_wider_one_alike_is_redundant_by_it() -> None:
    assert _causes("tcp dport 22 accept", "tcp dport 1-1024 accept") == [(Sort.REDUNDANT, 1, [2])]


def test_a_rule_that_does_as_the_policy_is_redundant_by_no_rule() -> None:
    assert _causes("tcp dport 22 drop") == [(Sort.REDUNDANT, 1, [])]


def test_a_rule_is_not_redundant_because_the_policy_would_decide_some_of_its_packets_alike() -> None:
    assert _causes("tcp dport 22 drop", "ip saddr 10.0.0.0/8 accept") == []


def test_a_rule_is_not_redundant_where_its_packets_would_be_left_untracked() -> None:
    rules = ("tcp dport 22 accept", "ip saddr 10.0.0.0/8 notrack", "accept")
    assert _found(*rules, hook="prerouting") == []


def test_a_last_rule_that_takes_all_is_not_redundant_when_what_follows_would_decide_otherwise() -> None:
    assert _causes("tcp dport 22 accept", "drop", "accept") == [(Sort.SHADOWED, 3, [1, 2])]


def test_a_shadowed_rule_names_those_that_shadow_it() -> None:
    found = _causes("ip saddr 10.0.0.0/9 accept", "tcp dport 80 accept", "tcp dport 80 ip saddr 10.0.0.0/8 drop")
    assert found == [(Sort.SHADOWED, 3, [1, 2])]


def test_a_rule_without_which_its_packets_would_be_logged_is_not_redundant() -> None:
    assert _causes("tcp dport 22 accept", "tcp dport 22 log accept") == [(Sort.SHADOWED, 2, [1])]


def test_a_flow_is_unused_when_all_its_counters_stand_at_zero() -> None:
    def document(**packets: int) -> object:
        elements = [{"elem": {"val": 1, "comment": name, "counter": {"packets": n}}} for name, n in packets.items()]
        return {"nftables": [{"set": {"elem": elements}}]}

    assert unused({"a": document(one=0, two=0), "b": document(one=3, two=0)}) == ["two"]
