from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from beffroi import declaration, kinds
from beffroi.observe.compiled import known_in_advance
from beffroi.observe.observing import observed
from beffroi.verdict import Capture

ROOT = Path(__file__).parents[3]
DESIRED = declaration.load(ROOT / "tests" / "cases" / "hamlet").desired
SETTINGS = {kind: asked for of_host in DESIRED.all_settings().values() for kind, asked in of_host.items()}
"""What each kind is asked, of some machine of the hamlet."""


def test_each_kind_of_a_host_has_one_question_known_in_advance() -> None:
    assert set(SETTINGS) == set(kinds.names())
    assert len(known_in_advance("log", SETTINGS)) == len(SETTINGS)


def test_what_is_known_in_advance_is_the_same_each_time() -> None:
    assert known_in_advance("log", SETTINGS) == known_in_advance("log", SETTINGS)


def test_nothing_asked_is_nothing_known() -> None:
    assert known_in_advance("log", {}) == ()


@pytest.mark.parametrize("kind", kinds.names())
def test_a_kind_asks_nothing_after_its_first_question(kind: str) -> None:
    # Whatever the answer is: an empty one, and one that looks like something.
    for said in ("", "a|b|c|d|/e\n", "@@beffroi x 0@@\n"):
        assert len(_asked(kind, SETTINGS, said)) == 1


def _asked(kind: str, settings: Mapping[str, list[dict[str, Any]]], said: str) -> list[str]:
    asked: list[str] = []

    def ask(command: str) -> Capture:
        asked.append(command)
        when = datetime(2026, 1, 1, tzinfo=UTC)
        return Capture(host="log", command=command, stdout=said, stderr="", exit_code=0, when=when)

    observed("log", kind, settings[kind], ask)
    return asked
