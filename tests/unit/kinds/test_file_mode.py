from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from beffroi.errors import CouldNotLook
from beffroi.kinds import Site, file_mode
from beffroi.verdict import Outcome

Says = Callable[..., Any]

SHADOW = file_mode.Setting(path="/etc/shadow", owner="root", group="shadow", mode="0640")
SHARED = file_mode.Setting(path="/srv/shared", owner="root", group="root", mode="1777")
KEYS = file_mode.Setting(path="/etc/ssh/*_key", owner="root", group="root", mode="0600")
STORE = file_mode.Setting(path="/srv/civil", owner="civil", group="civil", mode="0750", create="directory")


def outcomes(host: object, setting: file_mode.Setting) -> list[Outcome]:
    return [finding.outcome for finding in file_mode.judge([setting], file_mode.observe(host, [setting]))]


@pytest.mark.parametrize(
    "line", ["640|root|shadow|regular file|/etc/shadow", "400|root|shadow|regular file|/etc/shadow"]
)
def test_a_file_that_grants_no_more_than_the_most_passes(host_that_says: Says, line: str) -> None:
    assert outcomes(host_that_says(line), SHADOW) == [Outcome.PASS]


@pytest.mark.parametrize(
    "line",
    [
        "644|root|shadow|regular file|/etc/shadow",
        "4640|root|shadow|regular file|/etc/shadow",
        "640|games|shadow|regular file|/etc/shadow",
        "640|root|games|regular file|/etc/shadow",
        "640|root|shadow|symbolic link|/etc/shadow",
    ],
)
def test_a_file_that_grants_more_fails(host_that_says: Says, line: str) -> None:
    assert outcomes(host_that_says(line), SHADOW) == [Outcome.FAIL]


def test_a_missing_sticky_bit_fails(host_that_says: Says) -> None:
    assert outcomes(host_that_says("777|root|root|directory|/srv/shared"), SHARED) == [Outcome.FAIL]


def test_a_sticky_bit_that_nobody_asked_for_passes(host_that_says: Says) -> None:
    assert outcomes(host_that_says("1750|civil|civil|directory|/srv/civil"), STORE) == [Outcome.PASS]


def test_a_missing_file_fails(host_that_says: Says) -> None:
    assert outcomes(host_that_says(""), SHADOW) == [Outcome.FAIL]


def test_a_missing_file_that_may_be_missing_passes(host_that_says: Says) -> None:
    setting = SHADOW.model_copy(update={"absent_ok": True})
    assert outcomes(host_that_says(""), setting) == [Outcome.PASS]


def test_every_file_that_a_pattern_names_is_judged(host_that_says: Says) -> None:
    lines = "600|root|root|regular file|/etc/ssh/a_key\n640|root|root|regular file|/etc/ssh/b_key\n"
    assert outcomes(host_that_says(lines), KEYS) == [Outcome.PASS, Outcome.FAIL]


def test_a_file_where_a_folder_is_to_be_fails(host_that_says: Says) -> None:
    assert outcomes(host_that_says("750|civil|civil|regular file|/srv/civil"), STORE) == [Outcome.FAIL]


@pytest.mark.parametrize("text", ["stat: something else\n", "rwx|root|root|regular file|/etc/shadow\n"])
def test_an_answer_that_makes_no_sense_could_not_be_looked_at(host_that_says: Says, text: str) -> None:
    with pytest.raises((CouldNotLook, ValueError)):
        file_mode.observe(host_that_says(text), [SHADOW])


def test_the_stores_of_a_host_come_from_the_city(site_of: Callable[[str], Site]) -> None:
    assert file_mode.expected(file_mode.Params(stores=True), site_of("app")) == [STORE]


def test_a_host_without_stores_has_nothing_to_close(site_of: Callable[[str], Site]) -> None:
    assert file_mode.expected(file_mode.Params(stores=True), site_of("mirror")) == []


@pytest.mark.parametrize("params", [{}, {"stores": True, "paths": ["/srv/shared"]}, {"paths": ["/srv/$(id)"]}])
def test_parameters_that_name_nothing_or_too_much_are_refused(params: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        file_mode.Params.model_validate(params)
