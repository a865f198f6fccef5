from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from beffroi.errors import CouldNotLook
from beffroi.kinds import sshd_option
from beffroi.verdict import Outcome

Says = Callable[..., Any]

ROOT_REFUSED = sshd_option.Setting(option="PermitRootLogin", value="no")
EFFECTIVE = "port 22\npermitrootlogin no\nx11forwarding yes\n"


def outcome(facts: dict[str, object]) -> Outcome:
    (finding,) = sshd_option.judge([ROOT_REFUSED], facts)
    return finding.outcome


def test_the_value_in_force_passes(host_that_says: Says) -> None:
    host = host_that_says(effective=EFFECTIVE, exceptions="", unread="")
    assert outcome(sshd_option.observe(host, [ROOT_REFUSED])) is Outcome.PASS


def test_another_value_in_force_fails(host_that_says: Says) -> None:
    host = host_that_says(effective=EFFECTIVE.replace("login no", "login yes"), exceptions="", unread="")
    assert outcome(sshd_option.observe(host, [ROOT_REFUSED])) is Outcome.FAIL


def test_an_option_that_the_daemon_does_not_know_fails(host_that_says: Says) -> None:
    host = host_that_says(effective="port 22\n", exceptions="", unread="")
    assert outcome(sshd_option.observe(host, [ROOT_REFUSED])) is Outcome.FAIL


@pytest.mark.parametrize(
    "line",
    [
        "/etc/ssh/sshd_config.d/90.conf:2:   PermitRootLogin yes",
        '/etc/ssh/sshd_config.d/90.conf:2: permitrootlogin="yes"',
        "/etc/ssh/sshd_config:9: Include /etc/ssh/more.conf",
        "/etc/ssh/sshd_config:9: include=/etc/ssh/sshd_config.d/*.conf /etc/more",
    ],
)
def test_a_line_that_gives_some_connections_another_value_fails(host_that_says: Says, line: str) -> None:
    host = host_that_says(effective=EFFECTIVE, exceptions=f"{line}\n", unread="")
    assert outcome(sshd_option.observe(host, [ROOT_REFUSED])) is Outcome.FAIL


@pytest.mark.parametrize(
    "line",
    [
        "/etc/ssh/sshd_config.d/90.conf:2: PermitRootLogin no",
        "/etc/ssh/sshd_config.d/90.conf:2: X11Forwarding yes",
        "/etc/ssh/sshd_config:1: Include /etc/ssh/sshd_config.d/*.conf",
    ],
)
def test_a_line_that_changes_nothing_for_the_option_passes(host_that_says: Says, line: str) -> None:
    host = host_that_says(effective=EFFECTIVE, exceptions=f"{line}\n", unread="")
    assert outcome(sshd_option.observe(host, [ROOT_REFUSED])) is Outcome.PASS


def test_files_that_the_daemon_has_not_read_fail(host_that_says: Says) -> None:
    host = host_that_says(effective=EFFECTIVE, exceptions="", unread="/etc/ssh/sshd_config\n")
    assert outcome(sshd_option.observe(host, [ROOT_REFUSED])) is Outcome.FAIL


def test_a_daemon_that_refuses_its_configuration_could_not_be_looked_at(host_that_says: Says) -> None:
    host = host_that_says("@@beffroi effective\n", rc=255, stderr="/etc/ssh/sshd_config line 1: bad")
    with pytest.raises(CouldNotLook, match="line 1: bad"):
        sshd_option.observe(host, [ROOT_REFUSED])


def test_an_answer_cut_short_could_not_be_looked_at(host_that_says: Says) -> None:
    with pytest.raises(CouldNotLook):
        sshd_option.observe(host_that_says(effective=EFFECTIVE), [ROOT_REFUSED])


def test_an_option_whose_values_add_up_is_refused() -> None:
    with pytest.raises(ValidationError):
        sshd_option.Params(option="AcceptEnv", value="LANG")


def test_two_spellings_of_an_option_are_one_key() -> None:
    assert ROOT_REFUSED.key == sshd_option.Setting(option="permitrootlogin".capitalize(), value="yes").key
