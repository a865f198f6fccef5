from __future__ import annotations

from ipaddress import ip_network

import pytest

from beffroi.network.listing import blocks, named_sets, rules

LISTING = """table inet beffroi {
\tset town4 {
\t\ttype ipv4_addr
\t\tflags interval
\t\telements = { 10.0.1.2, 10.0.2.0/23,
\t\t\t     10.0.4.0-10.0.6.255 }
\t}

\tchain input {
\t\ttype filter hook input priority filter; policy drop;
\t\ttcp dport { 80, 443 } accept comment "a { b"
\t}
}
table ip other {
\tchain idle {
\t}
}
"""


def test_every_statement_is_read_with_its_holder() -> None:
    assert rules(LISTING) == [
        "inet beffroi town4: type ipv4_addr",
        "inet beffroi town4: flags interval",
        "inet beffroi town4: elements = { 10.0.1.2, 10.0.2.0/23, 10.0.4.0-10.0.6.255 }",
        "inet beffroi input: type filter hook input priority filter; policy drop;",
        'inet beffroi input: tcp dport { 80, 443 } accept comment "a { b"',
        "ip other idle: (empty)",
    ]


def test_a_base_chain_tells_its_hook_and_policy() -> None:
    assert [(block.hook, block.policy) for block in blocks(LISTING) if block.sort == "chain"] == [
        ("input", "drop"),
        ("", ""),
    ]


def test_a_named_set_is_read_as_networks() -> None:
    expected = ("10.0.1.2/32", "10.0.2.0/23", "10.0.4.0/23", "10.0.6.0/24")
    assert named_sets(blocks(LISTING)) == {"town4": tuple(map(ip_network, expected))}


def test_an_empty_ruleset_has_no_rules() -> None:
    assert rules("") == []


@pytest.mark.parametrize("text", ["nonsense", LISTING[:80]])
def test_a_text_that_is_no_listing_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        rules(text)
