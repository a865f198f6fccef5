"""Twenty thousand forged packets and what follows from those that got through, against the step-by-step model.

Rulesets are random, loaded as text and read back from the kernel's own listing; `benchmarks/kernel_agreement/run.py`
sends any number more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
from kernel.campaign import Campaign, campaign
from kernel.rounds import Judged

from beffroi.network.firewall import Case, Firewall, Place, Rule, Verb, Verdict

pytestmark = pytest.mark.lab

PACKETS = 20_000
FLOORS = {
    **{
        f"{sort} IPv{family} through": 200 for sort in ("answer", "further", "error", "error back") for family in (4, 6)
    },
    **{
        f"{sort} IPv{family} {fate}": 200
        for sort in ("new", "invalid")
        for family in (4, 6)
        for fate in ("through", "stopped")
    },
    **{f"mid-stream IPv{family} {fate}": 40 for family in (4, 6) for fate in ("through", "stopped")},
    **{f"error about nothing IPv{family} stopped": 200 for family in (4, 6)},
    "untracked IPv6 through": 20,
    "untracked": 500,
    "translated": 100,
    "translated source": 50,
    "translated destination": 50,
    "verb translate": 50,
    "into the firewall": 200,
    **{f"verb {verb}": 100 for verb in ("accept", "drop", "jump", "goto", "return", "continue", "notrack")},
}


@pytest.fixture(scope="module")
def judging() -> Iterator[Campaign]:
    with campaign() as made:
        yield made


def flipped(case: Case) -> Case:
    other = {Verb.ACCEPT: Verb.DROP, Verb.DROP: Verb.ACCEPT}
    return replace(case, verdict=Verdict(other[case.verdict.verb])) if case.verdict.verb in other else case


def with_flipped(firewall: Firewall, place: Place) -> Firewall:
    """Return the firewall with the verdicts of one rule turned round."""

    def turned(rule: Rule) -> Rule:
        return replace(rule, cases=tuple(map(flipped, rule.cases))) if rule.place == place else rule

    tables = (
        replace(
            table,
            chains={
                name: replace(chain, rules=tuple(map(turned, chain.rules))) for name, chain in table.chains.items()
            },
        )
        for table in firewall.tables
    )
    return replace(firewall, tables=tuple(tables))


def busiest(judged: list[Judged]) -> Place:
    """Return the rule of the forward hook that decided the most packets."""
    steps = (step for one in judged for step in one.trace.steps if step.hook == "forward" and step.place.position)
    return Counter(step.place for step in steps if step.verb in (Verb.ACCEPT, Verb.DROP)).most_common(1)[0][0]


@pytest.mark.timeout(120)
def test_twenty_thousand_packets_go_where_the_model_says(judging: Campaign) -> None:
    seed = 0
    while judging.packets < PACKETS:
        seed += 1
        judging.ruleset(seed)
    assert not judging.wrong, f"{len(judging.wrong)} of {judging.packets}\n" + judging.wrong[0]
    assert {sort: judging.tally[sort] for sort, floor in FLOORS.items() if judging.tally[sort] < floor} == {}
    assert sum(count for sort, count in judging.tally.items() if sort.endswith("open")) < PACKETS / 20


def test_a_model_with_one_wrong_verdict_is_found_out(judging: Campaign) -> None:
    for seed in (201, 202, 203):
        place = busiest(judging.ruleset(seed))
        judged = judging.ruleset(seed, lambda firewall, place=place: with_flipped(firewall, place))  # type: ignore[misc]
        assert [one for one in judged if not one.agreed], place
