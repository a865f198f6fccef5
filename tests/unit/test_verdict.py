import itertools

import pytest
from pydantic import ValidationError

from beffroi.verdict import Finding, Outcome, Verdict, exit_code, worst


def _finding(outcome: Outcome) -> Finding:
    return Finding(outcome=outcome, subject="s", expected="e", observed="o")


def _verdict(outcome: Outcome) -> Verdict:
    return Verdict(host="h", control="c", kind="k", outcome=outcome)


@pytest.mark.parametrize("other", [it for it in Outcome if it is not Outcome.ERROR])
def test_one_error_hides_every_other_finding(other: Outcome) -> None:
    assert worst([_finding(other), _finding(Outcome.ERROR), _finding(other)]) is Outcome.ERROR


def test_a_failure_hides_a_pass() -> None:
    assert worst([_finding(Outcome.PASS), _finding(Outcome.FAIL)]) is Outcome.FAIL


def test_a_pass_stands_when_the_rest_does_not_apply() -> None:
    assert worst([_finding(Outcome.NOT_APPLICABLE), _finding(Outcome.PASS)]) is Outcome.PASS


def test_what_is_not_checked_is_no_pass() -> None:
    assert worst([_finding(Outcome.NOT_CHECKED), _finding(Outcome.PASS)]) is Outcome.NOT_CHECKED


def test_no_finding_at_all_is_not_checked() -> None:
    assert worst([]) is Outcome.NOT_CHECKED


@pytest.mark.parametrize("pair", list(itertools.combinations(Outcome, 2)), ids=str)
def test_the_order_of_findings_changes_nothing(pair: tuple[Outcome, Outcome]) -> None:
    assert worst(map(_finding, pair)) == worst(map(_finding, reversed(pair)))


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        ([Outcome.PASS, Outcome.NOT_APPLICABLE, Outcome.WAIVED], 0),
        ([Outcome.PASS, Outcome.FAIL], 1),
        ([Outcome.PASS, Outcome.ERROR], 2),
        ([Outcome.FAIL, Outcome.ERROR], 2),
        ([Outcome.FAIL, Outcome.NOT_CHECKED], 2),
        ([], 2),
    ],
)
def test_the_exit_code_is_the_gravest_answer(outcomes: list[Outcome], code: int) -> None:
    assert exit_code(map(_verdict, outcomes)) == code


def test_a_verdict_cannot_be_altered() -> None:
    with pytest.raises(ValidationError):
        _verdict(Outcome.FAIL).outcome = Outcome.PASS  # type: ignore[misc]


def test_the_words_are_those_of_xccdf() -> None:
    assert {"pass", "fail", "error", "notapplicable", "notchecked"} < set(Outcome)
