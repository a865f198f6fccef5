"""What nft itself lists, read back: each rule is loaded in an empty network namespace and must mean what it says."""

from __future__ import annotations

from functools import cache
from ipaddress import ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beffroi import nft
from beffroi.network.conntrack import Packet
from beffroi.network.firewall import Case, Firewall, Match, State, Tracking, Verb
from beffroi.network.reader import NotAFirewall, read
from beffroi.network.services import Point
from beffroi.network.trace import Decision, Machine, received

V4, V6 = 4, 6
SYN, ACK, SYN_ACK = 2, 16, 18

# A rule, packets that it matches, packets that it does not; what a packet leaves out is that of `_matched`.
SAYS: list[tuple[str, list[Any], list[Any]]] = [
    ("ip saddr 10.0.0.0/8", [{"src": "10.9.9.9"}], [{"src": "11.0.0.0"}, {"src": "::a00:1"}]),
    ("ip saddr != 10.0.0.0/8", [{"src": "11.0.0.0"}], [{"src": "10.0.0.0"}, {"src": "fe80::1"}]),
    ("ip daddr 10.0.0.1-10.0.0.9", [{"dst": "10.0.0.9"}], [{"dst": "10.0.0.10"}]),
    ("ip saddr { 10.0.0.1, 10.0.0.2-10.0.0.7 }", [{"src": "10.0.0.2"}], [{"src": "10.0.0.8"}]),
    ("ip saddr != { 10.0.0.1, 10.0.0.2 }", [{"src": "10.0.0.3"}], [{"src": "10.0.0.2"}]),
    ("ip saddr & 255.255.0.255 == 10.1.0.5", [{"src": "10.1.77.5"}], [{"src": "10.1.77.6"}]),
    ("ip saddr > 10.0.0.1", [{"src": "10.0.0.2"}], [{"src": "10.0.0.1"}]),
    ("ip saddr <= 10.0.0.1", [{"src": "10.0.0.1"}], [{"src": "10.0.0.2"}]),
    ("ip6 saddr 2001:db8::/32", [{"src": "2001:db8::1"}], [{"src": "2001:db9::"}, {"src": "10.0.0.1"}]),
    ("ip6 saddr ::ffff:10.0.0.1", [{"src": "::ffff:10.0.0.1"}], [{"src": "10.0.0.1"}]),
    ("ip6 daddr & ffff:: == fe80::", [{"dst": "fe80::9"}], [{"dst": "fe81::9"}]),
    ("ip saddr @town", [{"src": "192.168.1.9"}], [{"src": "192.168.1.10"}]),
    ("ip saddr != @town", [{"src": "192.168.1.10"}], [{"src": "192.168.1.9"}]),
    ("tcp dport 80-90", [{"to": 90}], [{"to": 91}, {"to": 80, "protocol": 17}]),
    ("tcp dport != 22", [{"to": 23}], [{"to": 22}, {"to": 23, "protocol": 17}]),
    ("tcp dport { 80, 90-100 } tcp sport != { 5, 6 }", [{"to": 95, "from": 7}], [{"to": 95, "from": 6}]),
    ("tcp dport >= 80", [{"to": 80}], [{"to": 79}]),
    ("tcp dport < 80", [{"to": 79}], [{"to": 80}]),
    ("udp sport 53", [{"from": 53, "protocol": 17}], [{"from": 53}]),
    ("sctp dport 5", [{"to": 5, "protocol": 132}], [{"to": 5}]),
    ("meta l4proto { tcp, udp } th dport 53", [{"to": 53, "protocol": 17}], [{"to": 53, "protocol": 132}]),
    ("ip protocol { tcp, 89 }", [{"protocol": 89}], [{"protocol": 17}, {"protocol": 89, "src": "::1"}]),
    ("ip6 nexthdr esp", [{"protocol": 50, "src": "::1"}], [{"protocol": 50}]),
    ("meta nfproto ipv6", [{"src": "::1"}], [{}]),
    ("meta protocol != ip6", [{}], [{"src": "::1"}]),
    ("ip protocol icmp icmp type { 8, 10-12 }", [{"protocol": 1, "from": 11}], [{"protocol": 1, "from": 9}]),
    ("ip protocol icmp icmp code frag-needed", [{"protocol": 1, "to": 4}], [{"protocol": 1, "to": 3}]),
    ("tcp flags syn", [{"flags": SYN_ACK}], [{"flags": ACK}]),
    ("tcp flags == syn", [{"flags": SYN}], [{"flags": SYN_ACK}]),
    ("tcp flags != syn", [{"flags": SYN_ACK}], [{"flags": SYN}, {"flags": ACK, "protocol": 17}]),
    ("tcp flags ! syn,ack", [{"flags": 1}], [{"flags": ACK}]),
    ("tcp flags & (syn|ack) == syn", [{"flags": SYN | 64}], [{"flags": SYN_ACK}]),
    ("tcp flags & (syn|ack) != syn", [{"flags": ACK}], [{"flags": SYN}]),
    ("tcp flags cwr", [{"flags": 128}], [{"flags": 127}]),
    ("tcp flags { syn|ack, rst }", [{"flags": SYN_ACK}, {"flags": 4}], [{"flags": SYN}]),
    ("tcp flags & (fin|syn) > 1", [{"flags": 3}], [{"flags": 1}]),
    ("ct state established,related", [{"state": "related"}], [{"state": "new"}]),
    ("ct state != { established, related }", [{"state": "new"}], [{"state": "established"}]),
    ("ct state untracked", [{"state": "untracked"}], [{"state": "new"}, {"state": "invalid"}]),
    ("ct state ! established", [{"state": "invalid"}], [{"state": "established"}]),
    ("iifname lo", [{"entry": "lo"}], [{"entry": "lo0"}]),
    ('iifname "lan*"', [{"entry": "lan"}, {"entry": "lan7"}], [{"entry": "la"}]),
    ('iifname != "lan*"', [{"entry": "wan"}], [{"entry": "lan7"}]),
    ('oifname { "a", "b*" }', [{"exit": "b1"}], [{"exit": "a1"}]),
    ('iifname "lan\\*"', [{"entry": "lan*"}], [{"entry": "lan1"}]),
    ("iif absent0", [{"entry": "absent0"}], [{"entry": "lo"}]),
    ("ip saddr . tcp dport { 10.0.0.1 . 80, 11.0.0.0/8 . 1-5 }", [{"src": "11.1.1.1", "to": 5}], [{"to": 5}]),
    ('iifname . ip saddr { "a*" . 10.0.0.1 }', [{"entry": "ab", "src": "10.0.0.1"}], [{"entry": "b"}]),
    ("meta l4proto . th dport { tcp . 80, udp . 53 }", [{"to": 53, "protocol": 17}], [{"to": 53}]),
]
MAYBE = [
    "icmp type echo-request meta nfproto ipv6",
    "th dport 53",
    "meta mark 5",
    "ip ttl 5",
    "ct status assured",
    "ct status != dnat",
    "fib daddr type local",
    "quota 5 mbytes",
    "ct count 5",
    "limit rate over 5/second",
    "ip saddr @changing",
    "ip saddr & 0.0.0.255 == 5",
    "meta mark set ct mark",
    "add @changing { ip saddr }",
    "@nh,96,32 5",
]
VERDICTS = {
    "reject": Verb.DROP,
    "drop": Verb.DROP,
    "return": Verb.RETURN,
    "jump called": Verb.JUMP,
    "goto called": Verb.GOTO,
    "continue": Verb.CONTINUE,
    "counter log": Verb.CONTINUE,
    "ip dscp set 5": Verb.CONTINUE,
    "meta mark set 5": Verb.CONTINUE,
    "notrack": Verb.NOTRACK,
    "ip daddr set 10.0.0.1": Verb.UNKNOWN,
    "synproxy mss 1460 wscale 7": Verb.UNKNOWN,
}
SETS = """
    set town { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 192.168.1.1-192.168.1.9 }
    }
    set changing { type ipv4_addr; size 100; flags dynamic;
    }
    chain called {
    }
"""


def _table(rules: list[str], before: str = SETS, hook: str = "type filter hook forward priority 0;") -> Firewall:
    lines = "\n".join(f"        {rule}" for rule in rules)
    text = f"table inet t {{{before}    chain rules {{ {hook}\n{lines}\n    }}\n}}\n"
    return read(nft.listed(text, shown_as="rules.nft"))


@cache
def _read_all() -> dict[str, tuple[Case, ...]]:
    words = [rule for rule, _, _ in SAYS] + MAYBE + list(VERDICTS)
    chain = _table(words).tables[0].chains["rules"]
    assert len(chain.rules) == len(words)
    return {word: rule.cases for word, rule in zip(words, chain.rules, strict=True)}


def _matched(match: Match, packet: dict[str, Any]) -> bool:
    there = {
        "protocol": 6,
        "from": 1024,
        "to": 1024,
        "flags": SYN,
        "state": "new",
        "entry": "lo",
        "exit": "lo",
    } | packet
    address = ip_address(packet.get("src") or packet.get("dst") or "10.0.0.1")
    family = V4 if address.version == V4 else V6
    source = int(ip_address(packet.get("src") or ("10.0.0.1" if family == V4 else "::1")))
    destination = int(ip_address(packet.get("dst") or ("10.0.0.1" if family == V4 else "::1")))
    return (
        match.at(family, there["entry"], there["exit"])
        and match.tracked_as(Tracking(State(there["state"])))
        and (match.source is None or any(low <= source <= high for low, high in match.source))
        and (match.destination is None or any(low <= destination <= high for low, high in match.destination))
        and match.services.holds(Point(there["protocol"], there["from"], there["to"], there["flags"]))
    )


@pytest.mark.parametrize(("rule", "packet"), [(rule, packet) for rule, some, _ in SAYS for packet in some])
def test_a_rule_matches_what_it_says(rule: str, packet: dict[str, Any]) -> None:
    assert any(_matched(case.match, packet) and not case.match.unknown for case in _read_all()[rule])


@pytest.mark.parametrize(("rule", "packet"), [(rule, packet) for rule, _, none in SAYS for packet in none])
def test_a_rule_matches_no_more_than_it_says(rule: str, packet: dict[str, Any]) -> None:
    assert not any(_matched(case.match, packet) for case in _read_all()[rule])


@pytest.mark.parametrize("rule", MAYBE)
def test_what_is_not_modelled_leaves_a_doubt(rule: str) -> None:
    assert any(case.match.unknown for case in _read_all()[rule])


@pytest.mark.parametrize(("rule", "verb"), VERDICTS.items())
def test_a_statement_decides_what_it_says(rule: str, verb: Verb) -> None:
    assert {case.verdict.verb for case in _read_all()[rule]} == {verb}


def test_a_limit_under_a_rate_is_told_from_one_beyond_it() -> None:
    rules = _table(["limit rate 5/second accept", "limit rate over 5/second drop"]).tables[0].chains["rules"].rules
    assert [rule.cases[0].match.unknown[0].rate for rule in rules] == [True, False]


def test_icmp_over_the_other_family_is_unknown_since_nft_prints_both_rules_alike() -> None:
    (rule,) = _table(["meta l4proto icmp icmp type echo-request accept"]).tables[0].chains["rules"].rules
    assert [(set(case.match.families), bool(case.match.unknown)) for case in rule.cases] == [({4}, False), ({6}, True)]


def test_the_elements_of_a_set_of_concatenations_keep_their_comments() -> None:
    flows = """
    set flows { typeof ip saddr . tcp dport; elements = { 10.0.0.1 . 80 comment "web", 10.0.0.2 . 25 comment "mail" }
    }
"""
    (rule,) = _table(["ip saddr . tcp dport @flows accept"], flows).tables[0].chains["rules"].rules
    assert sorted(case.label for case in rule.cases) == ["mail", "web"]


def test_a_rule_behind_a_set_that_must_not_hold_stands_in_a_chain_where_the_elements_return() -> None:
    chains = _table(["ip saddr . tcp dport != { 10.0.0.1 . 80 } drop"]).tables[0].chains
    (jump,) = chains["rules"].rules[0].cases
    first, second = chains[jump.verdict.chain].rules
    assert (first.cases[0].verdict.verb, second.cases[0].verdict.verb) == (Verb.RETURN, Verb.DROP)


def test_a_return_behind_such_a_set_is_in_doubt() -> None:
    (rule,) = _table(["ip saddr . tcp dport != { 10.0.0.1 . 80 } return"]).tables[0].chains["rules"].rules
    assert all(case.match.unknown and case.verdict.verb is Verb.RETURN for case in rule.cases)


def test_a_rule_that_acts_and_goes_on_is_two_rules_at_one_place() -> None:
    first, second = _table(["ip saddr 10.0.0.1 notrack accept"]).tables[0].chains["rules"].rules
    assert (first.cases[0].verdict.verb, second.cases[0].verdict.verb) == (Verb.NOTRACK, Verb.ACCEPT)
    assert first.place == second.place


def test_the_rest_of_a_rule_meets_only_what_its_map_lets_continue() -> None:
    rules = ["ip saddr vmap { 10.0.0.1 : continue, 10.0.0.2 : drop } accept"]
    _, rest = _table(rules).tables[0].chains["rules"].rules
    assert [(case.match.source, case.verdict.verb) for case in rest.cases] == [
        (((0x0A000001, 0x0A000001),), Verb.ACCEPT)
    ]


def test_the_default_of_a_map_is_for_what_no_element_matches() -> None:
    (rule,) = _table(["tcp dport vmap { 80 : jump called, * : drop }"]).tables[0].chains["rules"].rules
    (default,) = [case for case in rule.cases if case.verdict.verb is Verb.DROP]
    assert default.match.services.boxes[0].second == ((0, 79), (81, 65535))


def test_a_place_tells_table_chain_position_comment_and_text() -> None:
    second = _table(["accept", 'tcp dport 22 drop comment "no ssh"']).tables[0].chains["rules"].rules[1]
    assert (str(second.place), second.place.comment) == ("inet t rules rule 2", "no ssh")
    assert second.place.text.startswith("tcp dport 22")


@pytest.mark.parametrize(
    ("rule", "addresses", "ports"),
    [
        ("ip daddr 1.1.1.1 tcp dport 443 dnat ip to 10.0.0.1:8443", ((0x0A000001, 0x0A000001),), ((8443, 8443),)),
        ("dnat ip to 10.0.0.1-10.0.0.9", ((0x0A000001, 0x0A000009),), None),
        ("tcp dport 81 redirect to :8080", None, ((8080, 8080),)),
        ("dnat ip to ip daddr . tcp dport map { 1.1.1.1 . 80 : 10.0.0.1 . 8 }", ((0x0A000001, 0x0A000001),), ((8, 8),)),
        ("dnat ip to ip daddr map { 1.1.1.1 : 10.0.0.1 }", ((0x0A000001, 0x0A000001),), None),
    ],
)
def test_a_translation_says_what_it_writes(rule: str, addresses: object, ports: object) -> None:
    (case,) = _table([rule], hook="type nat hook prerouting priority -100;").tables[0].chains["rules"].rules[0].cases
    translation = case.verdict.translation
    assert translation is not None
    assert (translation.side, translation.addresses, translation.ports) == ("destination", addresses, ports)


def test_the_default_of_a_map_of_translations_is_no_doubt() -> None:
    rules = ["dnat ip to tcp dport map { 80 : 10.0.0.1, * : 10.0.0.2 }"]
    (rule,) = _table(rules, hook="type nat hook prerouting priority -100;").tables[0].chains["rules"].rules
    assert [bool(case.match.unknown) for case in rule.cases] == [False, False]


def test_a_masquerade_writes_an_address_of_the_machine() -> None:
    (case,) = (
        _table(["masquerade"], hook="type nat hook postrouting priority 100;").tables[0].chains["rules"].rules[0].cases
    )
    translation = case.verdict.translation
    assert translation is not None
    assert (translation.side, translation.own) == ("source", True)


def test_hooks_keep_their_kind_priority_and_policy() -> None:
    hook = _table([], hook="type filter hook input priority -5; policy drop;").tables[0].chains["rules"].hook
    assert hook is not None
    assert (hook.kind, hook.hook, hook.priority, hook.policy) == ("filter", "input", -5, "drop")


def test_of_two_chains_at_one_priority_the_kernel_calls_the_later_first() -> None:
    text = "".join(
        f"table inet {name} {{ chain c {{ type filter hook input priority 0;\n }}\n }}\n" for name in ("one", "two")
    )
    found = read(nft.listed(text, shown_as="n.nft")).hooked("input", V4)
    assert [table.name for table, _ in found] == ["two", "one"]


def test_chains_that_ip_does_not_meet_are_remarked() -> None:
    text = "table netdev n { chain c { type filter hook ingress device lo priority 0; policy drop;\n }\n }\n"
    assert "netdev n c" in read(nft.listed(text, shown_as="n.nft")).remarks[0]


@pytest.mark.parametrize(
    ("family", "hook"),
    [
        ("netdev", "ingress device lan priority 0"),
        ("bridge", "prerouting priority 0"),
        ("bridge", "input priority 0"),
        ("inet", "ingress device lan priority 0"),
    ],
)
@pytest.mark.parametrize("body", ["policy drop;", "policy accept; ip saddr 10.0.0.1 drop"])
def test_what_a_chain_beside_the_ip_hooks_would_drop_is_in_doubt(family: str, hook: str, body: str) -> None:
    text = f"table {family} beside {{ chain c {{ type filter hook {hook}; {body}\n }}\n }}\n"
    firewall = read(nft.listed(text, shown_as="n.nft"))
    packet = Packet(V4, int(ip_address("10.0.0.1")), int(ip_address("10.0.0.2")), Point(6, 1024, 22, SYN))
    machine = Machine(lambda _, __: "", lambda _, __: None)
    assert received(firewall, packet, entry="lan", machine=machine).decision is Decision.UNKNOWN


def test_what_a_chain_of_one_device_drops_is_in_doubt_on_that_device_alone() -> None:
    # Written here, since nft 1.0.6 leaves the device out of its listing.
    about = {"family": "netdev", "table": "t", "name": "c", "type": "filter", "hook": "ingress", "policy": "drop"}
    document = {"nftables": [{"chain": {**about, "prio": 0, "dev": "lan"}}]}
    packet = Packet(V4, 1, 2, Point(6, 1024, 22, SYN))
    machine = Machine(lambda _, __: "", lambda _, __: None)
    fates = [received(read(document), packet, entry=entry, machine=machine).decision for entry in ("lan", "wan")]
    assert fates == [Decision.UNKNOWN, Decision.ACCEPT]


def test_a_chain_beside_the_ip_hooks_that_drops_nothing_raises_no_doubt() -> None:
    text = "table bridge b { chain c { type filter hook prerouting priority 0; ether type ip accept\n }\n }\n"
    assert [table.family for table in read(nft.listed(text, shown_as="n.nft")).tables] == ["bridge"]


def _document(*objects: dict[str, Any]) -> dict[str, Any]:
    table = {"family": "inet", "table": "t"}
    listed: list[dict[str, Any]] = [{"table": {"family": "inet", "name": "t"}}]
    return {"nftables": listed + [{sort: table | about} for each in objects for sort, about in each.items()]}


def _jump(chain: str, target: str) -> dict[str, Any]:
    return {"rule": {"chain": chain, "expr": [{"jump": {"target": target}}]}}


def _chain(name: str) -> dict[str, Any]:
    return {"chain": {"name": name}}


def _source(value: object) -> dict[str, Any]:
    left = {"payload": {"protocol": "ip6", "field": "saddr"}}
    return {"rule": {"chain": "c", "expr": [{"match": {"op": "==", "left": left, "right": value}}]}}


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([], "not what nft prints"),
        (_document(_chain("c"), _jump("c", "c")), "loop"),
        (_document(_chain("c"), _jump("c", "nowhere\x1b[31m")), "nowhere\\x1b"),
        (_document(*(_chain(f"c{i}") for i in range(20)), *(_jump(f"c{i}", f"c{i + 1}") for i in range(19))), "deep"),
        (_document(_chain("c"), _source("@none")), "@none"),
        (_document(_chain("c"), _source("fe80::1%eth0")), "fe80::1%eth0"),
        (_document(_chain("c"), _source("10.0.0.1")), "10.0.0.1"),
        (_document(_chain("c"), _source({"range": ["::2", "::1"]})), "range"),
    ],
)
def test_what_no_kernel_holds_is_refused_clearly(document: object, words: str) -> None:
    with pytest.raises(NotAFirewall, match=words.replace("\\", "\\\\")):
        read(document)


def test_a_refusal_tells_the_rule() -> None:
    with pytest.raises(NotAFirewall) as refused:
        read(_document(_chain("c"), _source("@none")))
    assert refused.value.where == "inet t c rule 1"


def test_values_nested_without_end_are_refused() -> None:
    nested: Any = "syn"
    for _ in range(100_000):
        nested = {"|": [nested]}
    with pytest.raises(NotAFirewall):
        read(_document(_chain("c"), _source(nested)))


def test_a_dormant_table_meets_no_packet() -> None:
    hooked = {"name": "c", "type": "filter", "hook": "input", "prio": 0, "policy": "drop"}
    document = _document({"chain": hooked})
    document["nftables"][0]["table"]["flags"] = ["dormant"]
    assert not read(document).hooked("input", 4)


def test_an_unknown_statement_may_hold_may_decide_or_may_do_nothing() -> None:
    rule = {"rule": {"chain": "c", "expr": [{"xt": None}, {"accept": None}]}}
    first, second = read(_document(_chain("c"), rule)).tables[0].chains["c"].rules
    assert (first.cases[0].verdict.verb, second.cases[0].verdict.verb) == (Verb.UNKNOWN, Verb.ACCEPT)
    assert first.cases[0].match.unknown
    assert second.cases[0].match.unknown


WORDS = st.sampled_from(
    """accept drop jump target match op left right payload protocol field ip saddr tcp dport flags ct key state vmap
    data set elem val concat prefix addr len range map dnat family port mangle value limit == != in & | @s * new
    10.0.0.1 c ::1 meta l4proto notrack queue xt reject counter comment""".split()  # noqa: SIM905 - a wall of quotes
)
LEAVES = st.none() | st.booleans() | st.integers(-1, 70000) | WORDS
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3), max_leaves=12
)


@given(expressions=st.lists(JSON, max_size=3), elements=JSON)
def test_malformed_json_is_refused_or_read_and_nothing_else(expressions: object, elements: object) -> None:
    named = {"set": {"name": "s", "type": "ipv4_addr", "elem": elements}}
    try:
        found = read(_document(_chain("c"), named, {"rule": {"chain": "c", "expr": expressions}}))
    except NotAFirewall:
        return
    assert isinstance(found, Firewall)
