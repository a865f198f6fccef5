"""The reference city's gateways as compiled, in the kernel: every rule is hit, and packets go where the model says."""

from __future__ import annotations

from pathlib import Path

import pytest
from kernel.aimed import Aim
from kernel.campaign import campaign
from kernel.compiled import plan_of, uncounted
from kernel.rounds import Rounds, counted

from beffroi.city.loader import load_city
from beffroi.network.ruleset import ruleset

pytestmark = pytest.mark.lab

CITY = load_city(Path(__file__).parents[2] / "inventory" / "bourg-sur-gave")
TIMES = 12


@pytest.mark.parametrize("gateway", sorted(CITY.gateways))
def test_packets_at_every_rule_of_a_gateway_go_where_the_model_says(gateway: str) -> None:
    plan = plan_of(CITY, gateway)
    with campaign(plan) as judging:
        firewall = judging.firewall(ruleset(CITY, gateway))
        aim = Aim(firewall, plan, 1)
        rounds = Rounds(judging.wire, firewall, plan.machine(), 1)
        judged = rounds.all([*aim.own_at_each(TIMES), *aim.at_each(TIMES), *aim.packets(500)])
        chains = {name for table in firewall.tables for name in table.chains}
        missed = uncounted(judging.namespaces.listing(), chains)
    wrong = [one.show() for one in judged if not one.agreed]
    assert not wrong, f"{len(wrong)} of {len(judged)}\n{wrong[0]}"
    assert missed == []
    tally = counted(judged)
    assert all(
        tally[f"{sort} IPv{family} through"] > 20 for sort in ("new", "answer", "further", "error") for family in (4, 6)
    )
    assert min(tally["into the firewall"], tally["out of the firewall"]) > 100
