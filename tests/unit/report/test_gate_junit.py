"""Continuous integration servers read the gate's answer: one case a policy."""

from __future__ import annotations

from types import ModuleType
from xml.etree.ElementTree import Element, fromstring

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beffroi.report.gate_junit import junit
from beffroi.review import Review

ANYTHING = st.text(st.characters(codec=None), min_size=1)


def parse(*reviews: Review, language: str = "en") -> Element:
    return fromstring(junit(reviews, language))  # noqa: S314 - our own text


def case(root: Element, name: str) -> Element:
    return next(each for each in root.iter("testcase") if each.get("name") == name)


def test_there_is_one_suite_a_town_and_one_case_a_policy(gate_specimen: ModuleType) -> None:
    [suite] = parse(gate_specimen.make_review())
    names = [(each.get("classname"), each.get("name")) for each in suite]
    assert names == [
        ("beffroi", "model"),
        ("beffroi", "network-proof"),
        ("data", "data/encrypted-in-transit"),
        ("network", "network/ssh-through-the-bastion"),
        ("network", "network/users-never-reach-administration"),
    ]


def test_a_refusal_is_a_failure_with_its_place_and_the_way_out(gate_specimen: ModuleType) -> None:
    [failure, others] = case(parse(gate_specimen.make_review()), "network/ssh-through-the-bastion")
    assert failure.tag == "failure"
    assert failure.text == (
        "inventory/example/city.yml:26: flow handy opens port 22 of bastion from desks\n"
        f"  -> {gate_specimen.way_out('en')}"
    )
    assert "old-admin" in str(others.text)


def test_a_remark_passes_and_is_told(gate_specimen: ModuleType) -> None:
    [told] = case(parse(gate_specimen.make_review()), "data/encrypted-in-transit")
    assert told.tag == "system-out"


def test_a_doubt_is_an_error_and_never_skipped(gate_specimen: ModuleType) -> None:
    policy = gate_specimen.undecided().found[0].violation.policy
    assert [each.tag for each in case(parse(gate_specimen.undecided()), policy)] == ["error"]


def test_a_policy_with_waived_violations_alone_is_skipped(gate_specimen: ModuleType) -> None:
    review = gate_specimen.make_review()
    waived = tuple(each for each in review.found if each.violation.waived)
    only = review.decision.model_copy(update={"violations": tuple(each.violation for each in waived)})
    found = case(parse(review.model_copy(update={"found": waived, "decision": only})), waived[0].violation.policy)
    assert [each.tag for each in found] == ["skipped"]
    assert "let-pass" in str(found[0].text)


def test_an_unasked_policy_is_skipped_with_its_reason(gate_specimen: ModuleType) -> None:
    review = gate_specimen.accepted()
    judged = review.decision.model_copy(update={"unasked": ("changes/stores-stay",)})
    [skipped] = case(parse(review.model_copy(update={"decision": judged})), "changes/stores-stay")
    assert (skipped.tag, "compares" in str(skipped.get("message"))) == ("skipped", True)


def test_a_mistake_in_the_files_fails(gate_specimen: ModuleType) -> None:
    [only] = parse(gate_specimen.mistaken())[0]
    assert (only.get("name"), only[0].tag) == ("model", "failure")
    assert "inventory/example/city.yml:12" in str(only[0].text)


def test_a_deviation_of_the_proof_fails_with_its_witness(gate_specimen: ModuleType) -> None:
    [failure] = case(parse(gate_specimen.deviating()), "network-proof")
    assert gate_specimen.deviations()[0].witness in str(failure.text)


def test_the_figures_of_suites_add_up_to_those_of_the_whole(gate_specimen: ModuleType) -> None:
    root = parse(gate_specimen.make_review(), gate_specimen.undecided(), gate_specimen.mistaken())
    for figure in ("tests", "failures", "errors", "skipped"):
        assert int(root.get(figure, "")) == sum(int(suite.get(figure, "")) for suite in root)
    assert (root.get("failures"), root.get("errors")) == ("3", "1")


@pytest.mark.parametrize("language", ["en", "fr"])
def test_hostile_names_leave_the_xml_well_formed(gate_specimen: ModuleType, language: str) -> None:
    names = [each.get("name", "") for each in parse(gate_specimen.hostile(), language=language).iter("testcase")]
    assert any("␛[2J" in name and "␀" in name for name in names)


@settings(deadline=None, max_examples=40)
@given(ANYTHING)
def test_any_name_leaves_the_xml_well_formed(gate_specimen: ModuleType, name: str) -> None:
    assert parse(gate_specimen.hostile(name)).tag == "testsuites"
