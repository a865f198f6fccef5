"""Thousands of hosts from one process: each is looked at by itself, and told as soon as it is done.

What a host does to whoever looks at it spoils its own observations and no other: it has so many seconds in all, may
print so many bytes, and whatever it says that makes no sense is a reason why it could not be looked at.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from beffroi.desired import Check, DesiredState
from beffroi.errors import CouldNotLook
from beffroi.judge import judge
from beffroi.messages import say
from beffroi.report.visible import shorten
from beffroi.verdict import Observation, Verdict
from beffroi.waiver import Waiver

from .connection import Bounds, Connection
from .look import Settings, look_at
from .ssh import Switchboard

Connect = Callable[[str], Awaitable[Connection]]
"""Opens the way to a host by its name; raises CouldNotLook. `Switchboard.connect` is one."""

Asked = tuple[str, Settings]
"""A host, and for each kind the settings to look at."""

Seen = tuple[str, tuple[Observation, ...]]
"""A host, and what was seen on it: one observation for each kind that was asked."""

BOUNDS = Bounds(seconds=30.0, output=2 * 1024 * 1024)
"""What one question to a host of a fleet may cost: less than to one alone, since many may flood at once."""

_REASON = 500


@dataclass(frozen=True)
class Terms:
    """What looking at a fleet may cost: hosts at once, seconds for each in all, and the bounds of one question."""

    at_once: int = 64
    seconds: float = 120.0
    bounds: Bounds = BOUNDS


async def observe_fleet(
    asked: Iterable[Asked], connect: Connect, terms: Terms | None = None
) -> AsyncGenerator[Seen, None]:
    """Yield each host of `asked` with what was seen on it, in the order in which they are done.

    Hosts are drawn from `asked` as places become free, and none is begun while nobody takes what is done: neither a
    long list nor a slow reader fills the memory. Whoever stops early closes the iterator, which lets go of all hosts.
    """
    terms = terms or Terms()
    waiting, running = iter(asked), set[asyncio.Task[Seen]]()
    try:
        while True:
            while len(running) < terms.at_once and (one := next(waiting, None)) is not None:
                running.add(asyncio.create_task(_observe(*one, connect, terms)))
            if not running:
                return
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                yield task.result()
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _observe(host: str, settings: Settings, connect: Connect, terms: Terms) -> Seen:
    try:
        async with asyncio.timeout(terms.seconds):
            connection = await connect(host)
            try:
                return host, tuple(await look_at(connection, settings, terms.bounds))
            finally:
                await connection.close()
    except TimeoutError:
        reason = say("observe-too-slow", seconds=terms.seconds)
    except CouldNotLook as error:
        reason = error.what
    except Exception as error:  # noqa: BLE001 - whatever one host brings about must not end the look at all others
        reason = f"{type(error).__name__}: {error}"
    return unseen(host, settings, reason)


def unseen(host: str, settings: Settings, reason: str) -> Seen:
    """Return a host that could not be looked at: one observation a kind, each with the reason, made visible."""
    shown = shorten(reason, _REASON)
    return host, tuple(Observation(host=host, kind=kind, facts=None, could_not_look=shown) for kind in settings)


def look_at_many(
    asked: Mapping[str, Settings], ssh_config: Path, seen: Callable[[Observation], Observation | None] | None = None
) -> tuple[Observation, ...]:
    """Look at every host of `asked`, and return what was seen in their order; tell each to `seen` as it comes."""
    return asyncio.run(_look_at_many(asked, ssh_config, seen or (lambda _: None)))


async def _look_at_many(
    asked: Mapping[str, Settings], ssh_config: Path, seen: Callable[[Observation], Observation | None]
) -> tuple[Observation, ...]:
    found: dict[str, tuple[Observation, ...]] = {}
    async with (
        Switchboard(ssh_config) as switchboard,
        aclosing(observe_fleet(asked.items(), switchboard.connect)) as fleet,
    ):
        async for host, observations in fleet:
            found[host] = tuple(seen(observation) or observation for observation in observations)
    return tuple(observation for host in asked for observation in found[host])


@dataclass(frozen=True)
class Fleet:
    """The checks of many hosts, sorted by host once: what to ask of each, and how to judge what was seen there."""

    checks: dict[str, tuple[Check, ...]]

    @classmethod
    def of(cls, desired: DesiredState) -> Fleet:
        """Sort the checks of `desired` by host."""
        of_hosts: dict[str, list[Check]] = {}
        for check in desired.checks:
            of_hosts.setdefault(check.host, []).append(check)
        return cls({host: tuple(checks) for host, checks in of_hosts.items()})

    def asked(self, hosts: Iterable[str] | None = None) -> Iterable[Asked]:
        """Yield each of `hosts` (all when None is given) with what to look at there, put together as it is drawn."""
        for host in self.checks if hosts is None else hosts:
            yield host, self._one(host).settings(host)

    def judged(self, seen: Seen, waivers: Iterable[Waiver] = (), today: date | None = None) -> tuple[Verdict, ...]:
        """Return the verdicts on one host (see `beffroi.judge`)."""
        host, observations = seen
        return judge(self._one(host), observations, waivers, today)

    def _one(self, host: str) -> DesiredState:
        return DesiredState(checks=self.checks.get(host, ()))
