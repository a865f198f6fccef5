from __future__ import annotations

from typing import Any

import pytest

from beffroi.kinds.sudo_rule import Setting, judge
from beffroi.verdict import Outcome, worst

ACCOUNTS = Setting(rule="accounts", accounts=("root", "deploy", "secours"), without_password=("deploy",))
NOEXEC = Setting(rule="default", option="noexec", value="on", exempt={"deploy": "off"})


def _rule(*commands: dict[str, Any], ask: bool = True, **holder: object) -> dict[str, Any]:
    spec = {"Options": [{"authenticate": ask}], "Commands": list(commands) or [{"command": "ALL"}]}
    return {"User_List": [holder], "Cmnd_Specs": [spec]}


def _facts(*more: dict[str, Any], defaults: list[dict[str, Any]] | None = None, valid: bool = True) -> dict[str, Any]:
    rules = [_rule(username="root"), _rule(username="deploy", ask=False), *more]
    standing = [
        {"Options": [{"noexec": True}]},
        {"Binding": [{"username": "deploy"}], "Options": [{"noexec": False}]},
    ]
    members = {"sudo": ["secours"], "adm": ["daemon"], "empty": []}
    return {"valid": valid, "rules": rules, "members": members, "defaults": standing if defaults is None else defaults}


def test_the_declared_accounts_pass() -> None:
    assert worst(judge([ACCOUNTS], _facts())) is Outcome.PASS


def test_a_group_counts_for_its_members() -> None:
    assert worst(judge([ACCOUNTS], _facts(_rule(usergroup="sudo")))) is Outcome.PASS
    assert worst(judge([ACCOUNTS], _facts(_rule(usergroup="adm")))) is Outcome.FAIL


@pytest.mark.parametrize(
    "holder", [{"username": "daemon"}, {"username": "ALL"}, {"userid": 1000}, {"nonunixgroup": "admins"}]
)
def test_a_stranger_with_a_rule_fails(holder: dict[str, object]) -> None:
    assert worst(judge([ACCOUNTS], _facts(_rule(**holder)))) is Outcome.FAIL  # type: ignore[arg-type]


def test_a_declared_account_that_is_no_longer_asked_for_its_password_fails() -> None:
    assert worst(judge([ACCOUNTS], _facts(_rule(username="secours", ask=False)))) is Outcome.FAIL


@pytest.mark.parametrize("binding", [{}, {"Binding": [{"username": "secours"}]}])
def test_an_option_that_asks_nobody_for_a_password_fails(binding: dict[str, Any]) -> None:
    defaults = [{**binding, "Options": [{"authenticate": False}]}]
    assert worst(judge([ACCOUNTS], _facts(defaults=defaults))) is Outcome.FAIL


def test_a_command_refused_by_negation_fails() -> None:
    rule = _rule({"command": "ALL"}, {"command": "/bin/sh", "negated": True}, username="secours")
    assert worst(judge([ACCOUNTS], _facts(rule))) is Outcome.FAIL


def test_sudoers_that_visudo_refuses_fail() -> None:
    assert worst(judge([ACCOUNTS], _facts(valid=False))) is Outcome.FAIL


def test_an_option_set_for_all_but_the_exempt_passes() -> None:
    assert worst(judge([NOEXEC], _facts())) is Outcome.PASS


@pytest.mark.parametrize(
    "defaults",
    [
        [],
        [{"Options": [{"noexec": False}]}],
        [{"Options": [{"noexec": True}]}, {"Options": [{"noexec": False}]}],
        [{"Options": [{"noexec": True}]}, {"Binding": [{"username": "daemon"}], "Options": [{"noexec": False}]}],
        [{"Options": [{"noexec": True}]}, {"Binding": [{"command": "/bin/vi"}], "Options": [{"noexec": False}]}],
    ],
)
def test_an_option_unset_or_lifted_for_somebody_else_fails(defaults: list[dict[str, Any]]) -> None:
    assert worst(judge([NOEXEC], _facts(defaults=defaults))) is Outcome.FAIL
