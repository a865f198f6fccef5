"""A remedy mends what it is written for, changes nothing else, and is left out where it would not be sound."""

from pathlib import Path
from typing import Any

import pytest

from beffroi.city import City
from beffroi.city.loader import load_city
from beffroi.gate import violations
from beffroi.policy import Example, Level, Policy, example_town, load_policies
from beffroi.remedy import remedied
from beffroi.replaced import Replaced
from beffroi.rules import Commitment, Proposal

ROOT = Path(__file__).parents[2]
TOWN = example_town(ROOT)
POLICIES = load_policies(ROOT)
REMEDIES = {name: policy for name, policy in POLICIES.items() if policy.level == Level.REMEDIATE}
MODE = "data/stores-are-closed-to-others"
OPEN = {"hosts": {"db": {"stores": {"requests": {"mode": "0777"}}}}}


def _city(change: dict[str, Any]) -> City:
    return Example(why="x", town=change).proposal(TOWN).city


def _policy(schema: dict[str, Any], remedy: dict[str, Any], *sorts: str) -> dict[str, Policy]:
    words = {"fr": "x", "en": "x"}
    cases = {"good": [{"why": "x"}], "bad": [{"why": "x"}]}
    fields = {"title": words, "rationale": words, "hint": words, "level": "remediate", **cases}
    written = {"id": "x/one", "applies_to": sorts, "schema": schema, "remedy": remedy, **fields}
    return {"x/one": Policy.model_validate(written)}


def test_the_mode_is_replaced_and_told() -> None:
    city, replaced = remedied(_city(OPEN), POLICIES)
    assert city.hosts["db"].stores["requests"].mode == "0750"
    path = ("hosts", "db", "stores", "requests", "mode")
    assert replaced == (Replaced(policy=MODE, subject="requests", path=path, was="0777", becomes="0750"),)
    assert replaced[0].field == "hosts.db.stores.requests.mode"


def test_nothing_else_changes() -> None:
    city, _ = remedied(_city(OPEN), POLICIES)
    assert city == _city({"hosts": {"db": {"stores": {"requests": {"mode": "0750"}}}}})


def test_a_town_that_breaks_nothing_stays_the_same() -> None:
    reference = load_city(ROOT / "inventory" / "bourg-sur-gave")
    assert remedied(reference, POLICIES) == (reference, ())


def test_a_second_time_replaces_nothing() -> None:
    city, _ = remedied(_city(OPEN), POLICIES)
    assert remedied(city, POLICIES) == (city, ())


def test_several_remedies_are_made_one_after_the_other() -> None:
    city, replaced = remedied(_city({**OPEN, "services": {"http": {"encrypted": True}}}), POLICIES)
    assert [(it.subject, it.becomes) for it in replaced] == [("requests", "0750"), ("http", False)]
    assert not city.services["http"].encrypted


def test_what_a_waiver_lets_pass_is_left() -> None:
    town = _city(OPEN)
    assert remedied(town, POLICIES, spared=[(MODE, "requests")]) == (town, ())


def test_only_policies_with_a_remedy_replace_anything() -> None:
    town = _city({"hosts": {"db": {"stores": {"requests": {"owner": "root"}}}}})
    assert remedied(town, POLICIES) == (town, ())


@pytest.mark.parametrize(
    ("policies", "why"),
    [
        (_policy({"properties": {"mode": {"const": "0700"}}}, {"mode": "rwx"}, "store"), "no value of the model"),
        (_policy({"properties": {"mode": {"const": "0700"}}}, {"path": "/etc"}, "store"), "refused by the checks"),
        (_policy({"properties": {"mode": {"const": "0700"}}}, {"mode": "0750"}, "store"), "does not mend"),
        (_policy({"properties": {"mode": {"const": "0700"}}}, {"label": None}, "store"), "a needed field removed"),
        (_policy({"properties": {"mode": {"const": "0700"}}}, {"host": "web"}, "store"), "no field of the model"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_unsound_remedy_is_left_out(policies: dict[str, Policy], why: str) -> None:
    town = _city(OPEN)
    assert remedied(town, policies) == (town, ()), why


def test_a_null_in_the_patch_removes_the_value() -> None:
    policies = _policy({"properties": {"until": {"type": "null"}}}, {"until": None}, "flow")
    town = _city({"flows": [{"name": "f", "from": "desks", "to": "web", "service": "https", "until": "2026-06-30"}]})
    city, replaced = remedied(town, policies)
    assert city.flows[0].until is None
    assert [(it.field, it.was, it.becomes) for it in replaced] == [("flows.0.until", "2026-06-30", None)]


@pytest.mark.parametrize("policy", REMEDIES.values(), ids=lambda policy: policy.id)
def test_every_remedy_mends_each_of_its_bad_examples(policy: Policy) -> None:
    for example in policy.bad:
        proposal = example.proposal(TOWN)
        city, replaced = remedied(proposal.city, {policy.id: policy})
        assert {it.subject for it in replaced} == set(example.finds)
        assert list(violations(policy, Proposal(Commitment(city), proposal.today))) == []


def test_at_least_two_policies_have_a_remedy() -> None:
    assert len(REMEDIES) >= 2
