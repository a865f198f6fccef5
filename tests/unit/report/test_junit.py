"""Continuous integration servers read the verdicts as they are."""

from __future__ import annotations

from types import ModuleType
from xml.etree.ElementTree import Element, fromstring

import pytest

from beffroi.report import Report, junit
from beffroi.verdict import Outcome


def parse(report: Report, language: str = "en") -> Element:
    return fromstring(junit.to_xml(report, language))  # noqa: S314 - our own text


def only(report: Report, outcome: Outcome) -> Report:
    verdict = report.verdicts[0].model_copy(update={"outcome": outcome, "findings": (), "reason": "because"})
    return report.model_copy(update={"verdicts": (verdict,)})


def test_there_is_one_case_a_machine_and_control(specimen: ModuleType) -> None:
    report = specimen.make_report()
    cases = [(case.get("classname"), case.get("name")) for case in parse(report).iter("testcase")]
    assert cases == [(verdict.host, verdict.control) for verdict in report.verdicts]


@pytest.mark.parametrize(
    ("outcome", "tag"),
    [
        (Outcome.FAIL, "failure"),
        (Outcome.ERROR, "error"),
        (Outcome.NOT_CHECKED, "error"),
        (Outcome.NOT_APPLICABLE, "skipped"),
        (Outcome.WAIVED, "skipped"),
    ],
)
def test_each_outcome_has_its_element(specimen: ModuleType, outcome: Outcome, tag: str) -> None:
    case = next(parse(only(specimen.make_report(), outcome)).iter("testcase"))
    assert [element.tag for element in case] == [tag]
    assert "because" in str(case[0].get("message"))


def test_a_pass_says_nothing_more(specimen: ModuleType) -> None:
    assert list(next(parse(only(specimen.make_report(), Outcome.PASS)).iter("testcase"))) == []


def test_the_figures_of_suites_add_up_to_those_of_the_whole(specimen: ModuleType) -> None:
    root = parse(specimen.make_report())
    for figure in ("tests", "failures", "errors", "skipped"):
        assert int(root.get(figure, "")) == sum(int(suite.get(figure, "")) for suite in root)


def test_a_failure_says_what_was_expected_and_observed(specimen: ModuleType) -> None:
    failure = next(parse(specimen.make_report(), "fr").iter("failure"))
    assert failure.text == "PermitRootLogin: attendu no, observé yes"


def test_hostile_bytes_leave_the_xml_well_formed(hostile: Report) -> None:
    names = [case.get("name", "") for case in parse(hostile).iter("testcase")]
    assert any("␛[2J" in name and "␀" in name for name in names)
