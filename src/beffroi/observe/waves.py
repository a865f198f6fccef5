"""Checks that run side by side: each parks where it asks for a command, and all that is asked goes out as one wave.

Greenlets, not threads: one runs at a time, in an order that is always the same, on one thread. Threads would need one
for each check, and would lock each other out: `functools.cached_property`, with which testinfra remembers what it has
found out, holds a lock of the whole class until Python 3.12, and a check that parks while it holds that lock would
stop all others before they could ask. Greenlets also bridge to an event loop, so that one process serves any number
of hosts.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

from greenlet import GreenletExit, getcurrent, greenlet

_Value = TypeVar("_Value")


@dataclass(frozen=True)
class Ended(Generic[_Value]):
    """How one check ended: with its value, or with what it raised."""

    value: _Value | None = None
    error: BaseException | None = None

    def outcome(self) -> _Value:
        """Return the check's value, or raise what it raised."""
        if self.error is not None:
            raise self.error
        return cast("_Value", self.value)


class _Check(greenlet):
    """One check on its way: `switch` into it with an answer, out of it with a command."""

    ended: Ended[object] | None = None

    def __init__(self, body: Callable[[], object]) -> None:
        super().__init__(self._through)
        self._body = body
        self.gr_context = contextvars.copy_context()

    def _through(self) -> None:
        try:
            self.ended = Ended(value=self._body())
        except (GreenletExit, KeyboardInterrupt):
            raise
        except BaseException as error:  # noqa: BLE001 - a check may raise anything, pytest's Skipped included
            self.ended = Ended(error=error)


def in_wave() -> bool:
    """Tell whether the caller runs inside a check of a wave."""
    return isinstance(getcurrent(), _Check)


def park(command: str) -> object:
    """Ask for `command` and wait for its answer; raise what is given instead of an answer. Only inside a check."""
    here = getcurrent()
    if not isinstance(here, _Check) or here.parent is None:
        message = "park() outside a wave"
        raise TypeError(message)
    answer = here.parent.switch(command)
    if isinstance(answer, BaseException):
        raise answer
    return answer


def waves(
    bodies: Sequence[Callable[[], _Value]],
) -> Generator[tuple[str, ...], Mapping[str, object], list[Ended[_Value]]]:
    """Run every body until it asks for a command; yield each wave's commands, once each, and be sent their answers.

    An answer that is an exception is raised where the command was asked for; a missing one means the same for all
    that waited: they are given up. Return how each body ended, in the order of `bodies`.
    """
    checks = [_Check(body) for body in bodies]
    waiting: list[tuple[_Check, str]] = []
    try:
        for check in checks:
            _step(check, None, waiting)
        while waiting:
            answers = yield tuple(dict.fromkeys(command for _, command in waiting))
            parked, waiting = waiting, []
            for check, command in parked:
                _step(check, answers[command], waiting)
    finally:
        for check in checks:
            if check and not check.dead:
                check.throw(GreenletExit)
    return [check.ended or Ended(error=GreenletExit()) for check in checks]  # type: ignore[misc]


def _step(check: _Check, answer: object, waiting: list[tuple[_Check, str]]) -> None:
    command = check.switch() if answer is None else check.switch(answer)
    if not check.dead:
        waiting.append((check, command))
