"""The comparison of two rulesets against a walk of single packets through both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from random import Random

import pytest
from drawn_firewalls import TRACKINGS, Ask, drawn, universe
from walked import Walk

from beffroi import nft
from beffroi.network.alteration import Alteration, Comparison, compare_rulesets
from beffroi.network.conntrack import Packet
from beffroi.network.describe import described
from beffroi.network.evaluate import Situation
from beffroi.network.firewall import Case, Chain, Firewall, Rule, Table, Verb, Verdict
from beffroi.network.reader import read
from beffroi.network.situations import OTHER

Edit = Callable[[Random, list[Rule], Firewall], None]
SEEDS = 12
FLIPPED = {Verb.ACCEPT: Verb.DROP, Verb.DROP: Verb.ACCEPT}


def deleted(random: Random, rules: list[Rule], _other: Firewall) -> None:
    if rules:
        rules.pop(random.randrange(len(rules)))


def inserted(random: Random, rules: list[Rule], other: Firewall) -> None:
    final = [
        rule for rule in other.tables[0].chains["forward"].rules if all(case.verdict.chain == "" for case in rule.cases)
    ]
    if final:
        rules.insert(random.randint(0, len(rules)), random.choice(final))


def reordered(random: Random, rules: list[Rule], _other: Firewall) -> None:
    random.shuffle(rules)


def flipped(random: Random, rules: list[Rule], _other: Firewall) -> None:
    if rules:
        at = random.randrange(len(rules))
        cases = tuple(
            replace(case, verdict=Verdict(FLIPPED[case.verdict.verb])) if case.verdict.verb in FLIPPED else case
            for case in rules[at].cases
        )
        rules[at] = replace(rules[at], cases=cases)


def rematched(random: Random, rules: list[Rule], other: Firewall) -> None:
    if rules:
        at = random.randrange(len(rules))
        match = random.choice([case for rule in other.tables[0].chains["forward"].rules for case in rule.cases]).match
        rules[at] = replace(rules[at], cases=tuple(replace(case, match=match) for case in rules[at].cases))


def doubled(random: Random, rules: list[Rule], _other: Firewall) -> None:
    if rules:
        at = random.randrange(len(rules))
        rules[at] = replace(rules[at], cases=rules[at].cases * 2)


def edited(firewall: Firewall, random: Random, edit: Edit, ask: Ask) -> Firewall:
    """Edit one chain; some edits also turn the policy round."""
    table = firewall.tables[0]
    chain = table.chains["forward"] if random.random() < 0.5 else random.choice(list(table.chains.values()))
    rules = list(chain.rules)
    edit(random, rules, drawn(random, ask))
    chains = table.chains | {chain.name: replace(chain, rules=tuple(rules))}
    if random.random() < 0.1:
        chains["forward"] = turned(chains["forward"])
    return replace(firewall, tables=(replace(table, chains=chains),))


def turned(chain: Chain) -> Chain:
    assert chain.hook is not None
    return replace(chain, hook=replace(chain.hook, policy="accept" if chain.hook.policy == "drop" else "drop"))


def changes(before: set[str], after: set[str]) -> set[str]:
    """Say what a person would say of a packet that is certainly treated so before and so after."""
    found = set()
    for verb, lost, gained in (
        ("passes", "closed", "opened"),
        ("translate", "untranslated", "translated"),
        ("notrack", "tracked", "untracked"),
    ):
        had, has = (verb in fates or (verb == "passes" and "drop" not in fates) for fates in (before, after))
        found |= {gained} if has and not had else {lost} if had and not has else set()
    return found


def told(comparison: Comparison, packet: Packet, situation: Situation) -> set[str]:
    """Return what is said of one packet in one situation."""
    return {
        each.sort
        for each in comparison.alterations
        if each.family == packet.family and each.packets.holds(packet) and among(each, situation)
    }


def among(alteration: Alteration, situation: Situation) -> bool:
    return any(
        each.tracking == situation.tracking
        and stands(each.entry, situation.entry)
        and stands(each.exit, situation.exit)
        for each in alteration.situations
    )


def stands(told_as: str, device: str) -> bool:
    """Tell whether a told interface may stand for a device: itself, one of its prefixes, or any other."""
    return told_as in {device, OTHER} or (told_as.endswith("*") and device.startswith(told_as[:-1]))


@pytest.mark.parametrize("edit", [deleted, inserted, reordered, flipped, rematched, doubled])
@pytest.mark.parametrize("unknown", [0.0, 0.3])
def test_what_an_edit_alters_is_what_a_walk_through_both_rulesets_finds(edit: Edit, unknown: float) -> None:
    seen = 0
    for seed in range(SEEDS):
        random = Random(seed)
        ask = Ask(unknown=unknown, plain=unknown == 0 and seed % 2 == 0)
        old = drawn(random, ask)
        new = edited(old, random, edit, ask)
        comparison = compare_rulesets(old, new)
        packets = random.sample([*universe(4), *universe(6)], 60)
        for packet, situation in product(packets, situations_of(random, 4)):
            fates = [Walk(firewall, packet, situation).fates for firewall in (old, new)]
            if not doubtful(fates):
                assert told(comparison, packet, situation) >= changes(*fates), (seed, packet, situation, fates)
        for each in comparison.alterations:
            seen += 1
            for packet, situation in product(packets, random.sample(each.situations, min(3, len(each.situations)))):
                if not each.doubtful and each.family == packet.family and each.packets.holds(packet):
                    fates = [Walk(firewall, packet, situation).fates for firewall in (old, new)]
                    assert each.sort in changes(*fates), (seed, packet, situation, fates)
    assert seen or edit is doubled


def doubtful(fates: list[set[str]]) -> bool:
    return any(len(each & {"accept", "drop", "translate"}) != 1 for each in fates)


def situations_of(random: Random, count: int) -> list[Situation]:
    names = ("lan0", "lan1", "wan")
    return [Situation(random.choice(names), random.choice(names), random.choice(TRACKINGS)) for _ in range(count)]


def test_a_ruleset_means_the_same_as_itself_read_again() -> None:
    for seed in range(50):
        assert compare_rulesets(drawn(Random(seed)), drawn(Random(seed))).same


def ruleset(*rules: str, policy: str = "drop", more: str = "") -> Firewall:
    body = "\n".join(rules)
    text = f"{more}\ntable inet t {{\nchain c {{ type filter hook forward priority 0; policy {policy};\n{body}\n}}\n}}"
    return read(nft.listed(text, shown_as="test"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (["tcp dport 22 accept", "tcp dport 80 accept"], ["tcp dport { 22, 80 } accept"]),
        (["tcp dport 22 accept", "udp dport 53 accept"], ["udp dport 53 accept", "tcp dport 22 accept"]),
        (["ip saddr 10.0.0.0/8 accept"], ["ip saddr { 10.0.0.0/9, 10.128.0.0/9 } accept"]),
        (["tcp dport 22 accept"], ["tcp dport 22 accept", "tcp dport 22 drop"]),
        (["tcp dport 22 counter accept"], ["tcp dport 22 accept"]),
        (["iifname lan0 accept"], ["iifname lan0 ct state new accept", "iifname lan0 ct state != new accept"]),
    ],
)
def test_a_refactoring_that_changes_nothing_is_proved_to_change_nothing(old: list[str], new: list[str]) -> None:
    assert compare_rulesets(ruleset(*old), ruleset(*new)).same


def test_an_opened_port_is_told_with_its_packets_and_the_rules_on_either_side() -> None:
    comparison = compare_rulesets(ruleset("tcp dport 80 accept"), ruleset("tcp dport { 80, 8080 } accept"))
    assert {each.sort for each in comparison.alterations} == {"opened"}
    assert [described(each.packets) for each in comparison.alterations] == [["any -> any tcp/8080"]] * 2
    for each in comparison.alterations:
        assert each.before is not None
        assert each.after is not None
        assert (each.before.text, each.after.position) == ("policy drop", 1)


def test_a_table_that_goes_opens_what_it_alone_refused() -> None:
    more = "table ip extra {\nchain c { type filter hook forward priority 10; policy accept;\ntcp dport 22 drop\n}\n}"
    comparison = compare_rulesets(ruleset("tcp dport 1-100 accept", more=more), ruleset("tcp dport 1-100 accept"))
    assert [(each.sort, each.family, described(each.packets)) for each in comparison.alterations] == [
        ("opened", 4, ["any -> any tcp/22"])
    ]


def test_what_a_second_table_still_refuses_is_not_opened_by_the_first() -> None:
    more = "table ip extra {\nchain c { type filter hook forward priority 10; policy drop;\n}\n}"
    comparison = compare_rulesets(ruleset(more=more), ruleset("tcp dport 22 accept", more=more))
    assert [each.family for each in comparison.alterations] == [6]


def test_a_translation_to_another_address_is_told() -> None:
    def nat(address: str) -> Firewall:
        chain = f"chain c {{ type nat hook prerouting priority -100;\ntcp dport 80 dnat ip to {address}\n}}"
        return read(nft.listed(f"table ip t {{\n{chain}\n}}", shown_as="test"))

    comparison = compare_rulesets(nat("10.0.0.1"), nat("10.0.0.2"))
    assert sorted(each.sort for each in comparison.alterations) == ["translated", "untranslated"]


def test_a_rate_that_changes_is_told_as_doubtful() -> None:
    old, new = (ruleset(f"tcp dport 22 limit rate {rate}/second accept") for rate in (5, 6))
    found = compare_rulesets(old, new).alterations
    assert found
    assert all(each.doubtful for each in found)


def test_a_bridge_table_whose_text_differs_is_named_and_not_judged() -> None:
    def bridge(port: int) -> Firewall:
        rule = f"tcp dport {port} drop"
        text = f"table bridge b {{\nchain c {{ type filter hook forward priority 0;\n{rule}\n}}\n}}"
        return read(nft.listed(text, shown_as="test"))

    comparison = compare_rulesets(bridge(1), bridge(2))
    assert comparison.unfollowed == ("bridge b",)
    assert not comparison.same
    assert compare_rulesets(bridge(1), bridge(1)).unfollowed == ()


@pytest.mark.slow
def test_many_alike_edits_of_a_long_chain_are_followed_without_aligning_them() -> None:
    rules = [
        rule
        for seed in range(900)
        for rule in drawn(Random(seed), Ask(0, plain=True)).tables[0].chains["forward"].rules
    ]
    chain = drawn(Random(1)).tables[0].chains["forward"]

    def long(some: list[Rule]) -> Firewall:
        plain = tuple(replace(rule, cases=tuple(map(_final, rule.cases))) for rule in some)
        return Firewall((Table("inet", "t", {"forward": replace(chain, rules=plain)}),))

    assert len(rules) > 2_000
    assert compare_rulesets(long(rules), long([*rules, *rules])).same


def _final(case: Case) -> Case:
    return case if case.verdict.verb in FLIPPED else replace(case, verdict=Verdict(Verb.DROP))
