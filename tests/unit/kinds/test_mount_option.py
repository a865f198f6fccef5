from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from beffroi.errors import CouldNotLook
from beffroi.kinds import mount_option
from beffroi.verdict import Outcome

Says = Callable[..., Any]

SHARED = mount_option.Setting(path="/dev/shm", options=("nosuid", "nodev", "noexec"))  # noqa: S108 - what it is about
CLOSED = "112 111 0:44 / /dev/shm rw,nosuid,nodev,noexec shared:8 - tmpfs tmpfs rw\n"
OPEN = "150 112 0:60 / /dev/shm rw,relatime shared:9 - tmpfs tmpfs rw\n"
ROOT = "108 85 0:39 / / rw,relatime shared:4 - ext4 /dev/vda rw,nosuid,nodev,noexec\n"


def outcome(host: object) -> Outcome:
    (finding,) = mount_option.judge([SHARED], mount_option.observe(host, [SHARED]))
    return finding.outcome


def test_a_mount_with_its_options_passes(host_that_says: Says) -> None:
    assert outcome(host_that_says(ROOT + CLOSED)) is Outcome.PASS


@pytest.mark.parametrize("option", ["nosuid", "nodev", "noexec"])
def test_a_missing_option_fails(host_that_says: Says, option: str) -> None:
    assert outcome(host_that_says(CLOSED.replace(f",{option}", ""))) is Outcome.FAIL


def test_a_folder_that_is_no_mount_fails(host_that_says: Says) -> None:
    assert outcome(host_that_says(ROOT)) is Outcome.FAIL


def test_a_mount_that_covers_the_closed_one_decides(host_that_says: Says) -> None:
    assert outcome(host_that_says(CLOSED + OPEN)) is Outcome.FAIL


def test_a_mount_slipped_beneath_the_closed_one_does_not_decide(host_that_says: Says) -> None:
    beneath = OPEN.replace("150 112", "150 111")
    assert outcome(host_that_says(CLOSED.replace("112 111", "112 150") + beneath)) is Outcome.PASS


def test_options_of_the_file_system_do_not_count_for_the_mount(host_that_says: Says) -> None:
    assert outcome(host_that_says(OPEN.replace(" rw\n", " rw,nosuid,nodev,noexec\n"))) is Outcome.FAIL


@pytest.mark.parametrize("text", ["", "no such file\n"])
def test_an_answer_that_makes_no_sense_could_not_be_looked_at(host_that_says: Says, text: str) -> None:
    with pytest.raises(CouldNotLook):
        mount_option.observe(host_that_says(text), [SHARED])


@pytest.mark.parametrize("path", ["tmp", "/", "/srv/$(id)", "/srv/a b"])
def test_a_folder_that_is_no_plain_path_is_refused(path: str) -> None:
    with pytest.raises(ValidationError):
        mount_option.Params.model_validate({"path": path, "options": ["noexec"]})
