"""GitLab shows the findings of a merge request beside its lines, and which of them are new."""

from __future__ import annotations

import json
import re
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from beffroi.report.gate_codequality import codequality
from beffroi.review import Review, Spot

ANYTHING = st.text(st.characters(codec=None), min_size=1)

FORMAT = Draft202012Validator(
    {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["description", "check_name", "fingerprint", "severity", "location"],
            "additionalProperties": False,
            "properties": {
                "description": {"type": "string", "minLength": 1},
                "check_name": {"type": "string", "minLength": 1},
                "fingerprint": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
                "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
                "location": {
                    "type": "object",
                    "required": ["path", "lines"],
                    "additionalProperties": False,
                    "properties": {
                        "path": {"type": "string", "minLength": 1, "not": {"pattern": r"^\./"}},
                        "lines": {
                            "type": "object",
                            "required": ["begin"],
                            "properties": {"begin": {"type": "integer", "minimum": 1}},
                        },
                    },
                },
            },
        },
    }
)
"""The fields that docs.gitlab.com/ci/testing/code_quality, "Code Quality report format", asks for, and no other."""


def faults(findings: list[dict[str, Any]]) -> list[str]:
    return [f"{error.json_path}: {error.message[:200]}" for error in FORMAT.iter_errors(findings)]


def prints(*reviews: Review, language: str = "en") -> list[str]:
    return [each["fingerprint"] for each in codequality(reviews, language)]


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("make", ["make_review", "accepted", "undecided", "mistaken", "deviating", "hostile"])
def test_every_review_is_of_the_documented_format(gate_specimen: ModuleType, make: str, language: str) -> None:
    assert faults(codequality([getattr(gate_specimen, make)()], language)) == []


@pytest.mark.parametrize("part", ["description", "check_name", "fingerprint", "severity", "location"])
def test_the_format_misses_what_is_left_out(gate_specimen: ModuleType, part: str) -> None:
    findings = codequality([gate_specimen.make_review()], "en")
    del findings[0][part]
    assert faults(findings)


def test_what_is_accepted_is_an_empty_list(gate_specimen: ModuleType) -> None:
    assert codequality([gate_specimen.accepted()], "en") == []


def test_a_finding_says_what_is_wrong_where_and_what_to_do(gate_specimen: ModuleType) -> None:
    [finding] = [
        each
        for each in codequality([gate_specimen.make_review()], "en")
        if "port 22" in each["description"] and "handy" in each["description"]
    ]
    assert finding["description"] == (
        f"flow handy opens port 22 of bastion from desks. To do: {gate_specimen.way_out('en')}"
    )
    assert finding["check_name"] == "network/ssh-through-the-bastion"
    assert finding["location"] == {"path": "inventory/example/city.yml", "lines": {"begin": 26}}


def test_what_refuses_is_graver_than_a_remark(gate_specimen: ModuleType) -> None:
    told = {
        each["description"].split()[1]: each["severity"] for each in codequality([gate_specimen.make_review()], "en")
    }
    assert told == {"handy": "critical", "old-admin": "major", "portal-in-clear": "minor"}


def test_a_mistake_in_the_files_is_the_gravest(gate_specimen: ModuleType) -> None:
    [finding] = codequality([gate_specimen.mistaken()], "en")
    assert (finding["check_name"], finding["severity"], finding["location"]["lines"]) == (
        "model",
        "blocker",
        {"begin": 12},
    )


def test_a_waived_violation_is_no_finding(gate_specimen: ModuleType) -> None:
    assert "let-pass" not in json.dumps(codequality([gate_specimen.make_review()], "en"))


def test_a_fingerprint_depends_on_no_line_position_or_language(gate_specimen: ModuleType) -> None:
    before = gate_specimen.make_review()
    after = gate_specimen.moved(before)
    assert prints(before) == prints(after) == prints(before, language="fr")


def test_no_two_findings_of_one_or_of_two_towns_share_a_fingerprint(gate_specimen: ModuleType) -> None:
    twice = gate_specimen.make_review().model_copy(update={"found": gate_specimen.found() * 2})
    other = twice.model_copy(update={"town": "other"})
    made = prints(twice, other, gate_specimen.deviating())
    assert len(made) == len(set(made))


def test_mistakes_about_two_whole_files_keep_their_fingerprints_when_one_is_mended(gate_specimen: ModuleType) -> None:
    review = gate_specimen.mistaken()
    first, second = (
        review.faults[0].model_copy(update={"field": "(file)", "spot": Spot(file=f"inventory/{name}", line=1)})
        for name in ("a.yml", "b.yml")
    )
    both, one = (review.model_copy(update={"faults": faults}) for faults in ((first, second), (second,)))
    assert prints(both)[1:] == prints(one)


@settings(deadline=None, max_examples=20)
@given(ANYTHING)
def test_any_name_is_written_in_utf_8_and_acts_nowhere(gate_specimen: ModuleType, name: str) -> None:
    findings = codequality([gate_specimen.hostile(name)], "en")
    text = json.dumps(findings, ensure_ascii=False)
    text.encode("utf-8")
    assert faults(findings) == []
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)


def test_a_name_makes_none_of_gitlab_s_own_marks(gate_specimen: ModuleType) -> None:
    findings = codequality([gate_specimen.hostile("%{danger_start}x%{danger_end}")], "en")
    assert [each for each in findings if "%{" in each["description"]] == []
