"""Looking at hosts through the audit account: one connection and one answer a host, read by the kinds' own code."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from beffroi import kinds, probe
from beffroi.desired import DesiredState
from beffroi.errors import UNREADABLE, CouldNotLook
from beffroi.kinds.audit_access import pinned
from beffroi.messages import say
from beffroi.verdict import Capture, Observation

from .bounded import TooMuchError, TooSlowError, run_bounded
from .connection import Completed
from .snapshot import read

ACCESS = "audit_access"
_AT_ONCE = 16
_SECONDS = 180.0
_OUTPUT_LIMIT = 16 * 1024 * 1024

Seen = Callable[[Observation], Observation]
"""Told of each observation as it comes, from one thread at a time for a host; returns it as it is kept."""

Settings = Mapping[str, Sequence[dict[str, Any]]]


@dataclass(frozen=True)
class Answer:
    """What testinfra's `host.run` returns, as far as kinds read it."""

    rc: int
    stdout: str
    stderr: str


@dataclass
class SnapshotHost:
    """A host as its probe showed it: a kind's questions are answered from there, each answer being a capture.

    A question that the probe did not ask raises CouldNotLook: what is not known is never guessed.
    """

    name: str
    answers: Mapping[str, Completed]
    when: datetime
    captures: list[Capture] = field(default_factory=list)

    def run(self, command: str) -> Answer:
        """Answer a command."""
        found = self.answers.get(command)
        if found is None:
            raise CouldNotLook(say("audit-not-asked"), where=self.name)
        stdout, stderr = (text.decode("utf-8", "replace") for text in (found.stdout, found.stderr))
        self.captures.append(
            Capture(
                host=self.name,
                command=command,
                stdout=stdout,
                stderr=stderr,
                exit_code=found.exit_code,
                when=self.when,
            )
        )
        return Answer(found.exit_code, stdout, stderr)


def look_as_auditor(
    desired: DesiredState, hosts: Iterable[str], ssh_config: Path, *, seen: Seen
) -> tuple[Observation, ...]:
    """Observe every kind that `desired` asks of `hosts`, with no other right than the audit account's.

    A host that does not answer, refuses, or answers with another probe than the one that `desired` makes gives one
    observation a kind, each saying why it could not be looked at.
    """
    settings = desired.all_settings()
    with ThreadPoolExecutor(max_workers=_AT_ONCE, thread_name_prefix="audit") as pool:
        jobs = [pool.submit(_look_at, name, settings[name], ssh_config, seen) for name in hosts]
        return tuple(observation for job in jobs for observation in job.result())


def _look_at(name: str, settings: Settings, ssh_config: Path, seen: Seen) -> list[Observation]:
    typed = {
        kind: [kinds.load(kind).Setting.model_validate(it) for it in of_kind] for kind, of_kind in settings.items()
    }
    try:
        host = SnapshotHost(name, _answers(name, settings, probe.commands(typed), ssh_config), datetime.now(UTC))
    except CouldNotLook as error:
        observations = [Observation(host=name, kind=kind, facts=None, could_not_look=error.what) for kind in typed]
    else:
        observations = [observation(host, kind, of_kind) for kind, of_kind in typed.items()]
    return [seen(each) for each in observations]


def observation(host: SnapshotHost, kind: str, settings: Sequence[Any]) -> Observation:
    """Return what one kind sees in a host's answers."""
    facts, reason = None, ""
    host.captures = []
    try:
        facts = kinds.load(kind).observe(_as_live(host), settings)
    except CouldNotLook as error:
        reason = error.what
    except UNREADABLE as error:
        reason = f"{type(error).__name__}: {error}"[:500]
    return Observation(host=host.name, kind=kind, facts=facts, could_not_look=reason, captures=tuple(host.captures))


def _as_live(host: SnapshotHost) -> Any:  # noqa: ANN401 - testinfra's Host is untyped, and kinds use `run` alone
    return host


def _answers(name: str, settings: Settings, asked: Sequence[str], ssh_config: Path) -> dict[str, Completed]:
    if ACCESS not in settings:
        raise CouldNotLook(say("audit-no-way-in"), where=name)
    return read(fetch(name, ssh_config), asked, pinned(settings[ACCESS][0]))


def fetch(name: str, ssh_config: Path) -> bytes:
    """Return what the probe of a host answers; raise CouldNotLook when it says nothing, in time or at all."""
    argv = ["ssh", "-F", str(ssh_config), "-T", name]
    start = time.monotonic()
    try:
        done = run_bounded(argv, seconds=_SECONDS, limit=_OUTPUT_LIMIT)
    except TooSlowError as error:
        raise CouldNotLook(say("observe-too-slow", seconds=round(time.monotonic() - start)), where=name) from error
    except TooMuchError as error:
        raise CouldNotLook(say("observe-too-much", limit=_OUTPUT_LIMIT), where=name) from error
    if not done.stdout:
        words = done.stderr.decode("utf-8", "replace").strip()[-500:] or say("observe-hung-up")
        raise CouldNotLook(say("observe-no-ssh", words=words), where=name)
    return done.stdout
