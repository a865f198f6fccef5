"""The policy pack and the gate say the same of every example of every policy, through the pack's real server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from packed import Engine
from pulumi.runtime.proto import analyzer_pb2 as proto

from beffroi.components.declared import city_inputs
from beffroi.gate import Violation, compares, judge
from beffroi.pack.content import Content
from beffroi.pack.declared import read
from beffroi.pack.judging import CHANGES_ARE_ELSEWHERE
from beffroi.policy import Example, Level, Policy, load_policies
from beffroi.provider.wire import marshal_struct, unmarshal_struct
from beffroi.rules import Commitment, Proposal

pytestmark = pytest.mark.slow

POLICIES = load_policies(Path(__file__).parents[3])


def _examples(*, of_changes: bool) -> list[Any]:
    return [
        pytest.param(policy, example, id=f"{policy.id}: {example.why}")
        for policy in POLICIES.values()
        if compares(policy) == of_changes
        for example in (*policy.good, *policy.bad)
    ]


def _proposal(policy: Policy, example: Example, base: dict[str, Any]) -> Proposal:
    """What the example proposes, without what stood before: a policy pack is not told."""
    after = example.proposal(base).after
    return Proposal(
        Commitment(after.city, after.controls, {**after.policies, policy.id: policy}, after.waivers), example.today
    )


def _pack(engine: Engine, policy: Policy, proposal: Proposal) -> proto.AnalyzeResponse:
    engine.today = proposal.today
    engine.content = Content({**proposal.after.policies, policy.id: policy}, proposal.after.controls)
    return engine.preview(proposal.city, proposal.after.waivers)


def _level(violation: Violation) -> int:
    stands = violation.level != Level.ADVISORY and not violation.waived
    return proto.MANDATORY if stands else proto.ADVISORY


@pytest.mark.parametrize(("policy", "example"), _examples(of_changes=False))
def test_the_pack_says_what_the_gate_says(
    engine: Engine, base: dict[str, Any], policy: Policy, example: Example
) -> None:
    proposal = _proposal(policy, example, base)
    expected = judge(proposal, {policy.id: policy}).violations
    said = [it for it in _pack(engine, policy, proposal).diagnostics if it.policyName == policy.id]
    assert len(said) == len(expected)
    for violation in expected:
        [same] = [it for it in said if f"{violation.field}: {violation.told()}" in it.message]
        assert (same.enforcementLevel, violation.hint() in same.message) == (_level(violation), True)
    assert {it.subject for it in expected} == set(example.finds)


@pytest.mark.parametrize(("policy", "example"), _examples(of_changes=True))
def test_a_policy_about_a_change_is_said_to_be_unjudged(
    engine: Engine, base: dict[str, Any], policy: Policy, example: Example
) -> None:
    answer = _pack(engine, policy, _proposal(policy, example, base))
    assert policy.id in {it.policy_name for it in answer.not_applicable}
    [told] = [it.message for it in answer.diagnostics if it.policyName == CHANGES_ARE_ELSEWHERE]
    assert policy.id in told


@pytest.mark.parametrize(("policy", "example"), [*_examples(of_changes=False), *_examples(of_changes=True)])
def test_a_town_comes_back_from_pulumis_wire_as_it_was_declared(
    base: dict[str, Any], policy: Policy, example: Example
) -> None:
    after = _proposal(policy, example, base).after
    carried = unmarshal_struct(marshal_struct(city_inputs(after.city, after.waivers)))
    town = read(carried)
    assert (town.city, town.waivers) == (after.city, after.waivers)
