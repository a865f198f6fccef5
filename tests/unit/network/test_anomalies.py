from __future__ import annotations

from pathlib import Path

import pytest

from beffroi import nft
from beffroi.city.loader import load_city
from beffroi.network.anomalies import Sort, anomalies, unused
from beffroi.network.committed import committed
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
        ('iifname "lan0" accept', 'iifname "lan*" drop'),
        ('iifname "lan0*" accept', 'iifname "lan*" accept'),
        ('iifname "a*" accept', "tcp dport 22 accept"),
    ],
)
def test_a_rule_that_still_has_something_to_decide_raises_no_alarm(first: str, second: str) -> None:
    assert _found(first, second) == []


def test_a_flow_is_unused_when_all_its_counters_stand_at_zero() -> None:
    def document(**packets: int) -> object:
        elements = [{"elem": {"val": 1, "comment": name, "counter": {"packets": n}}} for name, n in packets.items()]
        return {"nftables": [{"set": {"elem": elements}}]}

    assert unused({"a": document(one=0, two=0), "b": document(one=3, two=0)}) == ["two"]
