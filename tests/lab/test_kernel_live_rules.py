"""Every rule that the engine says a packet meets is met in the kernel by that very packet: its counter tells."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from kernel.campaign import Campaign, campaign
from kernel.live import counting, counts, live
from kernel.rounds import Rounds
from kernel.rulesets import PLAN, Ruleset

pytestmark = pytest.mark.lab

RULESETS = 8


@pytest.fixture(scope="module")
def judging() -> Iterator[Campaign]:
    with campaign() as made:
        yield made


def missed(judging: Campaign, seed: int) -> tuple[int, list[str]]:
    """Return how many rules count and are live, and those of them that no packet met in the kernel."""
    firewall = judging.firewall(counting(Ruleset(seed).text))
    places, wrong = set(), []
    for at, (place, tracking, entry, packet) in enumerate(live(firewall, PLAN)):
        rounds = Rounds(judging.wire, firewall, PLAN.machine(), at)
        shots = rounds.all([(entry, packet)])
        wrong += [f"seed {seed}\n{one.show()}" for one in shots if not one.agreed]
        assert str(shots[0].shot.sort) == tracking.state.value
        judging.namespaces.forget_connections()
        places.add((f"{place.table} {place.chain}", place.handle))
    counted = counts(judging.namespaces.listing())
    judging.wrong += wrong
    return len(places & counted.keys()), [f"{each}" for each in places & counted.keys() if not counted[each]]


def test_every_live_rule_is_met_in_the_kernel_at_least_once(judging: Campaign) -> None:
    found = {seed: missed(judging, seed) for seed in range(1, RULESETS + 1)}
    assert not judging.wrong, judging.wrong[0]
    assert {seed: rules for seed, (_, rules) in found.items() if rules} == {}
    assert sum(count for count, _ in found.values()) > 15 * RULESETS
