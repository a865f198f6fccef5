"""One look at many hosts: all kinds of a host at once, in as few execs as their questions allow; hosts in parallel."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from beffroi.desired import DesiredState
from beffroi.errors import CouldNotLook
from beffroi.verdict import Capture, Observation

from .batch import Answer, Batches
from .connection import Bounds, Connection
from .observing import observed
from .redaction import redacted
from .system_ssh import town_ssh
from .waves import park, waves

_AT_ONCE = 16
_MANY = 32
"""Beyond so many hosts, this process speaks SSH itself instead of starting an `ssh` for each."""

BOUNDS = Bounds(seconds=30.0, output=8 * 1024 * 1024)
"""What one question to a host may cost."""

Seen = Callable[[Observation], Observation | None]
"""Told of an observation; may return the one that stands for it, such as it is kept."""

Settings = Mapping[str, Iterable[dict[str, Any]]]


def look(
    desired: DesiredState,
    hosts: Iterable[str],
    ssh_config: Path,
    *,
    only: frozenset[str] = frozenset(),
    seen: Seen | None = None,
) -> tuple[Observation, ...]:
    """Observe every kind that `desired` asks of `hosts` (or the kinds in `only`); tell each to `seen` as it comes.

    A host that does not answer gives one observation a kind, each saying why it could not be looked at.
    """
    settings = desired.all_settings()
    asked = {name: settings.get(name, {}) for name in hosts}
    chosen = {
        name: {kind: settings for kind, settings in of_host.items() if not only or kind in only}
        for name, of_host in asked.items()
    }
    wanted = {name: kinds for name, kinds in chosen.items() if kinds}
    if len(wanted) > _MANY:
        from .fleet import look_at_many  # noqa: PLC0415 - it looks by `look_at`, and few need it

        return look_at_many(wanted, ssh_config, seen)
    return asyncio.run(_look(wanted, ssh_config, seen))


async def _look(asked: Mapping[str, Settings], ssh_config: Path, seen: Seen | None) -> tuple[Observation, ...]:
    free = asyncio.Semaphore(_AT_ONCE)

    async def one(name: str, settings: Settings) -> list[Observation]:
        async with free:
            connection = town_ssh(name, ssh_config)
            try:
                found = await look_at(connection, settings)
            finally:
                await connection.close()
        return [seen(observation) or observation for observation in found] if seen else found

    of_hosts = await asyncio.gather(*(one(name, settings) for name, settings in asked.items()))
    return tuple(observation for of_host in of_hosts for observation in of_host)


async def look_at(connection: Connection, settings: Settings, bounds: Bounds = BOUNDS) -> list[Observation]:
    """Observe each kind of `settings` on the host of `connection`, in their order.

    All kinds start at once. What they ask goes out as one exec; what they ask next, having read that, as another.
    """
    name, batches = connection.host, Batches(connection, bounds)
    side_by_side = waves([partial(observed, name, kind, of_kind, _ask) for kind, of_kind in settings.items()])
    answers: Mapping[str, object] | None = None
    while True:
        try:
            commands = next(side_by_side) if answers is None else side_by_side.send(answers)
        except StopIteration as stop:
            return [ended.outcome() for ended in stop.value]
        begun, when = time.monotonic(), datetime.now(UTC)
        said = await batches.ask(commands)
        share = (time.monotonic() - begun) / len(commands)
        answers = {command: _capture(name, command, answer, when, share) for command, answer in said.items()}


def _ask(command: str) -> Capture:
    answer = park(command)
    if not isinstance(answer, Capture):
        raise TypeError(type(answer))
    return answer


def _capture(host: str, command: str, answer: Answer, when: datetime, seconds: float) -> Capture | CouldNotLook:
    """Return an answer as it may be kept. `seconds` is a command's share of the exchange that it was a part of."""
    if isinstance(answer, CouldNotLook):
        return answer
    return Capture(
        host=host,
        command=command,
        stdout=redacted(answer.stdout.decode("utf-8", "replace")),
        stderr=redacted(answer.stderr.decode("utf-8", "replace")),
        exit_code=answer.exit_code,
        when=when,
        seconds=round(seconds, 3),
    )
