"""The report as JSON can be read back and digested."""

from __future__ import annotations

import json
from types import ModuleType

from beffroi.report import Report, to_json


def test_a_report_read_back_from_its_json_is_the_same_report(specimen: ModuleType) -> None:
    report = specimen.make_report()
    assert Report.model_validate_json(to_json(report)) == report


def test_the_same_report_gives_the_same_bytes_whatever_the_order_of_its_controls(specimen: ModuleType) -> None:
    report = specimen.make_report()
    turned = report.model_copy(update={"controls": dict(reversed(report.controls.items()))})
    assert to_json(report) == to_json(turned)


def test_hostile_captures_stay_whole_in_json_and_within_ascii(hostile: Report) -> None:
    text = to_json(hostile)
    assert text.isascii()
    assert json.loads(text)["observations"][-1]["captures"][0]["stdout"] == hostile.observations[-1].captures[0].stdout
