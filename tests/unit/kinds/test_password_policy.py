from __future__ import annotations

import copy
from typing import Any

import pytest

from beffroi.kinds._pam import stack
from beffroi.kinds.password_policy import Area, Setting, judge
from beffroi.verdict import Outcome, worst

COMMON_AUTH = [
    ["requisite", "pam_faillock", ["preauth"]],
    ["[success=2 default=ignore]", "pam_unix", []],
    ["[default=die]", "pam_faillock", ["authfail"]],
    ["requisite", "pam_deny", []],
]
GOOD: dict[str, Any] = {
    "auth": {"login": COMMON_AUTH, "sudo": COMMON_AUTH},
    "account": {name: [["required", "pam_faillock", []], ["required", "pam_unix", []]] for name in ("login", "sudo")},
    "password": {
        "passwd": [
            ["requisite", "pam_pwquality", ["retry=3"]],
            ["requisite", "pam_pwhistory", ["use_authtok", "remember=5"]],
            ["[success=1 default=ignore]", "pam_unix", ["yescrypt"]],
        ]
    },
    "quality": {"minlen": "15"},
    "lockout": {"deny": "3"},
    "ageing": {"PASS_MAX_DAYS": "365", "PASS_MIN_DAYS": "1"},
    "accounts": {"secours": {"min": "1", "max": "365"}},
}


def _setting(area: Area, option: str, value: str) -> Setting:
    return Setting(area=area, option=option, value=value)


MINLEN = _setting("quality", "minlen", "15")
DENY = _setting("lockout", "deny", "3")
REMEMBER = _setting("history", "remember", "5")
LIFE = _setting("ageing", "PASS_MAX_DAYS", "365")
REST = _setting("ageing", "PASS_MIN_DAYS", "1")


def _facts() -> dict[str, Any]:
    return copy.deepcopy(GOOD)


@pytest.mark.parametrize("setting", [MINLEN, DENY, REMEMBER, LIFE, REST], ids=lambda setting: setting.option)
def test_a_host_that_keeps_the_policy_passes(setting: Setting) -> None:
    assert worst(judge([setting], _facts())) is Outcome.PASS


def test_an_argument_in_the_stack_wins_over_the_file() -> None:
    facts = _facts()
    facts["password"]["passwd"][0][2].append("minlen=4")
    assert worst(judge([MINLEN], facts)) is Outcome.FAIL


def test_a_value_without_its_module_in_the_stack_fails() -> None:
    facts = _facts()
    del facts["password"]["passwd"][0]
    assert worst(judge([MINLEN], facts)) is Outcome.FAIL


def test_a_quality_module_after_pam_unix_fails() -> None:
    facts = _facts()
    facts["password"]["passwd"].reverse()
    assert worst(judge([MINLEN], facts)) is Outcome.FAIL


def test_an_optional_quality_module_fails() -> None:
    facts = _facts()
    facts["password"]["passwd"][0][0] = "optional"
    assert worst(judge([MINLEN], facts)) is Outcome.FAIL


def test_one_way_in_without_the_lock_out_fails() -> None:
    facts = _facts()
    facts["auth"]["sudo"] = [line for line in COMMON_AUTH if line[2] != ["authfail"]]
    assert worst(judge([DENY], facts)) is Outcome.FAIL


def test_a_lock_out_that_never_resets_fails() -> None:
    facts = _facts()
    facts["account"]["login"] = []
    assert worst(judge([DENY], facts)) is Outcome.FAIL


def test_a_lock_out_argument_of_one_way_in_counts() -> None:
    facts = _facts()
    facts["auth"]["sudo"][0][2].append("deny=0")
    assert worst(judge([DENY], facts)) is Outcome.FAIL


def test_a_history_that_forgets_fails() -> None:
    facts = _facts()
    facts["password"]["passwd"][1][2] = ["remember=0"]
    assert worst(judge([REMEMBER], facts)) is Outcome.FAIL


@pytest.mark.parametrize("longest", ["99999", "", "-1"])
def test_an_account_whose_password_lives_too_long_fails(longest: str) -> None:
    facts = _facts()
    facts["accounts"]["secours"]["max"] = longest
    assert worst(judge([LIFE], facts)) is Outcome.FAIL


def test_a_shorter_life_than_asked_passes() -> None:
    facts = _facts()
    facts["accounts"]["secours"]["max"] = "90"
    assert worst(judge([LIFE], facts)) is Outcome.PASS


def test_includes_are_followed_and_comments_are_not() -> None:
    files = {
        "sudo": "#%PAM-1.0\n@include common-auth\nsession required pam_limits.so\n",
        "common-auth": (
            "auth required pam_env.so # pam_faillock.so\n-auth [success=1 \\\n default=ignore] pam_unix.so nullok\n"
        ),
    }
    assert [(line.module, line.arguments) for line in stack(files, "sudo", "auth")] == [
        ("pam_env", ()),
        ("pam_unix", ("nullok",)),
    ]


def test_files_that_include_each_other_do_not_loop() -> None:
    assert stack({"a": "@include b", "b": "@include a\nauth required pam_deny.so"}, "a", "auth")[0].module == "pam_deny"
