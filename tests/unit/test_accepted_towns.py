"""Small towns that the other tests work on satisfy every mandatory policy, as their own days have it."""

from datetime import date
from pathlib import Path

import pytest

from beffroi.city.loader import load_city
from beffroi.gate import judge
from beffroi.policy import Level, load_policies
from beffroi.rules import Commitment, Proposal

ROOT = Path(__file__).parents[2]
TODAY = date(2026, 7, 1)


@pytest.mark.parametrize("town", ["inventory/bourg-sur-gave", "tests/cases/hamlet"])
def test_no_mandatory_policy_refuses_it(town: str) -> None:
    decision = judge(Proposal(Commitment(load_city(ROOT / town)), TODAY), load_policies(ROOT))
    assert decision.of_level(Level.MANDATORY) == decision.of_level(Level.REMEDIATE) == ()
