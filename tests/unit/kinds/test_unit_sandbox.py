from __future__ import annotations

import copy
from typing import Any

import pytest
from pydantic import ValidationError

from beffroi.kinds.unit_sandbox import Params, Setting, judge
from beffroi.verdict import Outcome, worst

RSYSLOG = Setting(
    unit="rsyslog.service", properties={"NoNewPrivileges": "yes", "RestrictAddressFamilies": "AF_INET AF_UNIX"}
)
GOOD = {
    "units": {
        "rsyslog.service": {
            "ActiveState": "active",
            "NeedDaemonReload": "no",
            "NoNewPrivileges": "yes",
            "RestrictAddressFamilies": "AF_UNIX AF_INET",
        }
    },
    "no-new-privileges": {"rsyslog.service": "1"},
}


def _outcome(field: str, value: str) -> Outcome:
    facts: dict[str, Any] = copy.deepcopy(GOOD)
    facts["units"]["rsyslog.service"][field] = value
    return worst(judge([RSYSLOG], facts))


def test_a_confined_service_passes_whatever_the_order_of_a_list() -> None:
    assert worst(judge([RSYSLOG], GOOD)) is Outcome.PASS


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("NoNewPrivileges", "no"),
        ("RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6"),
        ("ActiveState", "failed"),
        ("NeedDaemonReload", "yes"),
    ],
)
def test_a_service_that_is_loose_or_broken_fails(field: str, value: str) -> None:
    assert _outcome(field, value) is Outcome.FAIL


def test_a_process_older_than_its_sandbox_fails() -> None:
    assert worst(judge([RSYSLOG], {**GOOD, "no-new-privileges": {"rsyslog.service": "0"}})) is Outcome.FAIL


def test_a_service_that_does_not_exist_fails() -> None:
    assert worst(judge([RSYSLOG], {"units": {}, "no-new-privileges": {}})) is Outcome.FAIL


@pytest.mark.parametrize("unit", ["rsyslog", "x;reboot.service", "../x.service"])
def test_only_a_services_own_name_is_taken(unit: str) -> None:
    with pytest.raises(ValidationError):
        Params.model_validate({"unit": unit, "properties": {"PrivateTmp": "yes"}})
