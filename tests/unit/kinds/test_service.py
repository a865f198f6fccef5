from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from beffroi.errors import CouldNotLook
from beffroi.kinds import service
from beffroi.kinds.service import Setting, State
from beffroi.verdict import Outcome

Says = Callable[..., Any]


def shown(load: str, active: str, file: str) -> str:
    return f"Id=x.service\nLoadState={load}\nActiveState={active}\nUnitFileState={file}\n"


def outcome(host: object, state: State) -> Outcome:
    setting = Setting(unit="x.service", state=state)
    (finding,) = service.judge([setting], service.observe(host, [setting]))
    return finding.outcome


@pytest.mark.parametrize(
    ("state", "text", "expected"),
    [
        (State.RUNNING, shown("loaded", "active", "enabled"), Outcome.PASS),
        (State.RUNNING, shown("loaded", "active", "static"), Outcome.PASS),
        (State.RUNNING, shown("loaded", "active", "disabled"), Outcome.FAIL),
        (State.RUNNING, shown("loaded", "active", "enabled-runtime"), Outcome.FAIL),
        (State.RUNNING, shown("loaded", "inactive", "enabled"), Outcome.FAIL),
        (State.RUNNING, shown("loaded", "failed", "enabled"), Outcome.FAIL),
        (State.RUNNING, shown("not-found", "inactive", ""), Outcome.FAIL),
        (State.DISABLED, shown("not-found", "inactive", ""), Outcome.PASS),
        (State.DISABLED, shown("loaded", "inactive", "disabled"), Outcome.PASS),
        (State.DISABLED, shown("loaded", "active", "disabled"), Outcome.FAIL),
        (State.DISABLED, shown("loaded", "inactive", "enabled"), Outcome.FAIL),
        (State.MASKED, shown("masked", "inactive", "masked"), Outcome.PASS),
        (State.MASKED, shown("masked", "active", "masked"), Outcome.FAIL),
        (State.MASKED, shown("masked", "inactive", "masked-runtime"), Outcome.FAIL),
        (State.MASKED, shown("not-found", "inactive", ""), Outcome.FAIL),
    ],
)
def test_systemds_view_decides(host_that_says: Says, state: State, text: str, expected: Outcome) -> None:
    assert outcome(host_that_says(text), state) is expected


def test_units_are_told_apart_by_the_order_asked(host_that_says: Says) -> None:
    settings = [Setting(unit="b.service", state=State.RUNNING), Setting(unit="a.service", state=State.MASKED)]
    text = shown("masked", "inactive", "masked") + "\n" + shown("loaded", "active", "enabled")
    findings = service.judge(settings, service.observe(host_that_says(text), settings))
    assert [finding.outcome for finding in findings] == [Outcome.PASS, Outcome.PASS]


@pytest.mark.parametrize("text", ["", "LoadState=loaded\n", shown("a", "b", "c") + "\n" + shown("a", "b", "c")])
def test_an_answer_about_other_units_could_not_be_looked_at(host_that_says: Says, text: str) -> None:
    with pytest.raises(CouldNotLook):
        service.observe(host_that_says(text), [Setting(unit="x.service", state=State.RUNNING)])


@pytest.mark.parametrize("unit", ["nginx", "a b.service", "$(id).service"])
def test_a_name_that_is_no_unit_is_refused(unit: str) -> None:
    with pytest.raises(ValidationError):
        service.Params.model_validate({"units": {unit: "running"}})
