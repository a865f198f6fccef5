"""One look at many hosts: each kind observes all its settings at once, hosts in parallel."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from beffroi import kinds
from beffroi.desired import DesiredState
from beffroi.errors import UNREADABLE, CouldNotLook
from beffroi.verdict import Observation

from .recorder import RecordingSsh, live_host

_AT_ONCE = 16

Seen = Callable[[Observation], None]


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
    names = list(hosts)
    with ThreadPoolExecutor(max_workers=_AT_ONCE, thread_name_prefix="look") as pool:
        jobs = [pool.submit(_look_at, desired, name, ssh_config, only, seen) for name in names]
        return tuple(observation for job in jobs for observation in job.result())


def _look_at(
    desired: DesiredState, name: str, ssh_config: Path, only: frozenset[str], seen: Seen | None
) -> list[Observation]:
    host, recorder = live_host(name, ssh_config)
    unreachable = ""
    observations: list[Observation] = []
    for kind_name, settings in desired.settings(name).items():
        if only and kind_name not in only:
            continue
        if unreachable:
            observation = Observation(host=name, kind=kind_name, facts=None, could_not_look=unreachable)
        else:
            observation = _observe(kind_name, settings, host, recorder)
            unreachable = observation.could_not_look if not observation.captures else ""
        observations.append(observation)
        if seen:
            seen(observation)
    return observations


def _observe(
    kind_name: str,
    settings: list[dict[str, Any]],
    host: Any,  # noqa: ANN401 - testinfra's Host is untyped
    recorder: RecordingSsh,
) -> Observation:
    kind = kinds.load(kind_name)
    typed = [kind.Setting.model_validate(setting) for setting in settings]
    facts, reason = None, ""
    try:
        facts = kind.observe(host, typed)
    except CouldNotLook as error:
        reason = error.what
    except UNREADABLE as error:
        reason = f"{type(error).__name__}: {error}"[:500]
    return Observation(
        host=recorder.hostname,
        kind=kind_name,
        facts=facts,
        could_not_look=reason,
        captures=recorder.take_captures(),
    )
