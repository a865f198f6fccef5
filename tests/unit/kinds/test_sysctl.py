from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from beffroi.errors import CouldNotLook
from beffroi.kinds import sysctl
from beffroi.verdict import Finding, Outcome

Says = Callable[..., Any]

OWN = "/proc rw,nosuid,nodev,noexec,relatime\n"
SHARED = OWN + "/proc/sys ro,nosuid,nodev,noexec,relatime\n"
OWN_NETWORK = SHARED + "/proc/sys/net rw,nosuid,nodev,noexec,relatime\n"

POINTERS = sysctl.Setting(name="kernel.kptr_restrict", value="2")
COOKIES = sysctl.Setting(name="net.ipv4.tcp_syncookies", value="1")
REDIRECTS = sysctl.Setting(name="net.ipv4.conf.*.accept_redirects", value="0")


def finding(host: object, setting: sysctl.Setting) -> Finding:
    (found,) = sysctl.judge([setting], sysctl.observe(host, [setting]))
    return found


def test_a_value_in_the_kernel_passes(host_that_says: Says) -> None:
    host = host_that_says(mounts=OWN, virtualization="none\n", files="kernel/kptr_restrict = 2\n")
    assert finding(host, POINTERS).outcome is Outcome.PASS


def test_another_value_in_the_kernel_fails(host_that_says: Says) -> None:
    host = host_that_says(mounts=OWN, virtualization="none\n", files="kernel/kptr_restrict = 0\n")
    assert finding(host, POINTERS).outcome is Outcome.FAIL


@pytest.mark.parametrize("mounts", [OWN, SHARED])
@pytest.mark.parametrize("line", ["kernel/kptr_restrict = 2\n", ""])
def test_a_parameter_of_a_shared_kernel_is_not_judged(host_that_says: Says, line: str, mounts: str) -> None:
    found = finding(host_that_says(mounts=mounts, virtualization="systemd-nspawn\n", files=line), POINTERS)
    assert (found.outcome, found.reason) == (Outcome.NOT_APPLICABLE, "shared kernel")


def test_a_container_answers_for_its_own_network(host_that_says: Says) -> None:
    host = host_that_says(mounts=OWN_NETWORK, virtualization="systemd-nspawn\n", files="net/ipv4/tcp_syncookies = 0\n")
    assert finding(host, COOKIES).outcome is Outcome.FAIL


@pytest.mark.parametrize("line", ["net/ipv4/tcp_syncookies = 1\n", ""])
def test_a_container_does_not_answer_for_a_network_that_is_not_its_own(host_that_says: Says, line: str) -> None:
    host = host_that_says(mounts=SHARED, virtualization="systemd-nspawn\n", files=line)
    assert finding(host, COOKIES).outcome is Outcome.NOT_APPLICABLE


def test_a_parameter_that_an_own_kernel_lacks_fails(host_that_says: Says) -> None:
    assert finding(host_that_says(mounts=OWN, virtualization="none\n", files=""), COOKIES).outcome is Outcome.FAIL


def test_one_interface_that_differs_fails_and_is_named(host_that_says: Says) -> None:
    lines = "net/ipv4/conf/all/accept_redirects = 0\nnet/ipv4/conf/adm/accept_redirects = 1\n"
    found = finding(host_that_says(mounts=OWN, virtualization="none\n", files=lines), REDIRECTS)
    assert (found.outcome, found.observed) == (Outcome.FAIL, "net.ipv4.conf.adm.accept_redirects = 1")


def test_the_numbers_of_a_list_are_told_apart_by_any_blank(host_that_says: Says) -> None:
    setting = sysctl.Setting(name="net.ipv4.ip_local_port_range", value="32768 65535")
    host = host_that_says(mounts=OWN, virtualization="none\n", files="net/ipv4/ip_local_port_range = 32768\t65535\n")
    assert finding(host, setting).outcome is Outcome.PASS


@pytest.mark.parametrize(
    "sections",
    [
        {"mounts": OWN, "virtualization": "", "files": ""},
        {"mounts": OWN, "virtualization": "none\n", "files": "cat: oops\n"},
        {"mounts": "", "virtualization": "none\n", "files": ""},
        {"mounts": "awk: what did it say?\n", "virtualization": "none\n", "files": ""},
    ],
)
def test_an_answer_that_makes_no_sense_could_not_be_looked_at(host_that_says: Says, sections: dict[str, str]) -> None:
    with pytest.raises(CouldNotLook):
        sysctl.observe(host_that_says(**sections), [COOKIES])


@pytest.mark.parametrize("name", ["net.ipv4.$(id)", "../etc", "net.ipv4 .x"])
def test_a_name_that_is_no_parameter_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        sysctl.Params(values={name: "1"})
