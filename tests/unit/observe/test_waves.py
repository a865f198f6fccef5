from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import pytest

from beffroi.observe.waves import Ended, in_wave, park, waves


def _run(*bodies: Callable[[], Any], answers: Mapping[str, object] | None = None) -> tuple[list[Any], list[Ended[Any]]]:
    """Answer each command with itself in capitals, or as `answers` says; return the waves and how the checks ended."""
    asked, running = [], waves(bodies)
    said: dict[str, object] | None = None
    while True:
        try:
            commands = next(running) if said is None else running.send(said)
        except StopIteration as stop:
            return asked, stop.value
        asked.append(commands)
        said = {command: (answers or {}).get(command, command.upper()) for command in commands}


def _asks(*commands: str) -> Callable[[], list[object]]:
    return lambda: [park(command) for command in commands]


def test_what_all_checks_ask_first_is_one_wave() -> None:
    asked, ended = _run(_asks("a"), _asks("b"), _asks("c"))
    assert asked == [("a", "b", "c")]
    assert [it.value for it in ended] == [["A"], ["B"], ["C"]]


def test_what_depends_on_an_answer_is_another_wave() -> None:
    assert _run(_asks("a", "c", "d"), _asks("b"))[0] == [("a", "b"), ("c",), ("d",)]


def test_a_command_that_many_ask_is_asked_once() -> None:
    asked, ended = _run(_asks("a"), _asks("a"), _asks("b", "a"))
    assert asked == [("a", "b"), ("a",)]
    assert [it.value for it in ended] == [["A"], ["A"], ["B", "A"]]


def test_a_check_that_asks_nothing_ends_too() -> None:
    assert _run(lambda: 3)[1] == [Ended(value=3)]


def test_what_a_check_raises_ends_it_alone() -> None:
    _, ended = _run(lambda: 1 // 0, _asks("a"))
    assert isinstance(ended[0].error, ZeroDivisionError)
    assert ended[1].value == ["A"]
    with pytest.raises(ZeroDivisionError):
        ended[0].outcome()


def test_an_answer_that_is_an_error_is_raised_where_it_was_asked_for() -> None:
    def careful() -> str:
        try:
            park("a")
        except LookupError:
            return "went on"
        return "never"

    assert _run(careful, answers={"a": LookupError()})[1] == [Ended(value="went on")]


def test_what_is_remembered_while_others_wait_locks_nobody_out() -> None:
    class Host:
        @cached_property
        def answer(self) -> object:
            return park("a")

    asked, ended = _run(lambda: Host().answer, lambda: Host().answer)
    assert asked == [("a",)]
    assert [it.value for it in ended] == ["A", "A"]


def test_checks_that_are_given_up_are_ended() -> None:
    ended = []

    def body() -> None:
        try:
            park("a")
        finally:
            ended.append("yes")

    running = waves([body])
    next(running)
    running.close()
    assert ended == ["yes"]


def test_an_interruption_reaches_whoever_runs_the_checks() -> None:
    def body() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _run(body)


def test_a_check_knows_that_it_runs_beside_others() -> None:
    assert _run(in_wave)[1] == [Ended(value=True)]
    assert not in_wave()
    with pytest.raises(TypeError):
        park("a")
