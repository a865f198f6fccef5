from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from beffroi.errors import CouldNotLook
from beffroi.kinds import config_file
from beffroi.verdict import Outcome

Says = Callable[..., Any]

IDLE = config_file.Setting(
    path="/etc/profile.d/idle.sh", content="TMOUT=600\n", owner="root", group="root", mode="0644", removed=("/etc/old",)
)
SOUND = f"644|root|root|regular file|/etc/profile.d/idle.sh\n{IDLE.digest()}  -\n"


def outcomes(host: object) -> list[Outcome]:
    return [finding.outcome for finding in config_file.judge([IDLE], config_file.observe(host, [IDLE]))]


def test_the_very_file_passes(host_that_says: Says) -> None:
    assert outcomes(host_that_says(SOUND)) == [Outcome.PASS, Outcome.PASS]


@pytest.mark.parametrize(
    "text",
    [
        "",
        SOUND.replace("644", "666"),
        SOUND.replace("root|root", "games|root"),
        SOUND.replace(IDLE.digest(), "0" * 64),
        SOUND.replace("regular file", "symbolic link"),
    ],
)
def test_any_other_file_fails(host_that_says: Says, text: str) -> None:
    assert outcomes(host_that_says(text)) == [Outcome.FAIL, Outcome.PASS]


def test_a_file_that_must_not_be_there_fails(host_that_says: Says) -> None:
    text = SOUND + f"644|root|root|regular file|/etc/old\n{'0' * 64}  -\n"
    assert outcomes(host_that_says(text)) == [Outcome.PASS, Outcome.FAIL]


@pytest.mark.parametrize("text", ["nonsense\nnone\n", SOUND + "one line more\n"])
def test_an_answer_that_makes_no_sense_could_not_be_looked_at(host_that_says: Says, text: str) -> None:
    with pytest.raises((CouldNotLook, ValueError)):
        config_file.observe(host_that_says(text), [IDLE])


def test_a_path_that_a_shell_would_read_otherwise_is_refused() -> None:
    with pytest.raises(ValidationError):
        config_file.Params(path="/etc/$(id)", content="")
