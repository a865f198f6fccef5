from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from beffroi.errors import CouldNotLook
from beffroi.kinds import package
from beffroi.verdict import Outcome

Says = Callable[..., Any]

LOGROTATE = package.Setting(name="logrotate", state="installed")
TELNET = package.Setting(name="telnet", state="absent")


def outcome(host: object, setting: package.Setting) -> Outcome:
    (finding,) = package.judge([setting], package.observe(host, [setting]))
    return finding.outcome


@pytest.mark.parametrize(
    ("text", "setting", "expected"),
    [
        ("logrotate installed\n", LOGROTATE, Outcome.PASS),
        ("logrotate config-files\n", LOGROTATE, Outcome.FAIL),
        ("logrotate half-configured\n", LOGROTATE, Outcome.FAIL),
        ("telnet installed\n", TELNET, Outcome.FAIL),
        ("telnet unpacked\n", TELNET, Outcome.FAIL),
        ("telnet config-files\n", TELNET, Outcome.PASS),
    ],
)
def test_dpkgs_status_decides(host_that_says: Says, text: str, setting: package.Setting, expected: Outcome) -> None:
    assert outcome(host_that_says(text), setting) is expected


@pytest.mark.parametrize(("setting", "expected"), [(LOGROTATE, Outcome.FAIL), (TELNET, Outcome.PASS)])
def test_a_package_that_dpkg_does_not_know_is_absent(
    host_that_says: Says, setting: package.Setting, expected: Outcome
) -> None:
    assert outcome(host_that_says("", rc=1), setting) is expected


@pytest.mark.parametrize(("text", "rc"), [("", 2), ("", 127), ("nonsense\n", 0)])
def test_a_dpkg_that_does_not_answer_could_not_be_looked_at(host_that_says: Says, text: str, rc: int) -> None:
    with pytest.raises(CouldNotLook):
        package.observe(host_that_says(text, rc=rc), [LOGROTATE])


@pytest.mark.parametrize("params", [{}, {"installed": ["sudo"], "absent": ["sudo"]}, {"absent": ["a; reboot"]}])
def test_parameters_that_ask_for_nothing_or_its_contrary_are_refused(params: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        package.Params.model_validate(params)
