"""Verdicts derived again from what was kept, offline, by the same kinds' code: no machine is asked anything."""

from __future__ import annotations

from collections.abc import Iterable

from beffroi.desired import DesiredState
from beffroi.errors import CouldNotLook
from beffroi.messages import say
from beffroi.verdict import Capture, Observation

from .asking import Ask
from .captures import KeptRun
from .observing import observed
from .words import elevated


def replay(desired: DesiredState, hosts: Iterable[str], kept: KeptRun) -> tuple[Observation, ...]:
    """Observe, in what `kept` holds, every kind that `desired` asks of `hosts`.

    A question that was not asked then, an answer that is gone or was altered: nobody could look.
    """
    return tuple(
        observed(name, kind, settings, _answers(kept, name, kind))
        for name in hosts
        for kind, settings in desired.settings(name).items()
    )


def _answers(kept: KeptRun, host: str, kind: str) -> Ask:
    """Return what answers as the host did: a command asked twice gets its two answers, in their order.

    An auditor's run was asked the same questions, by the probe, which needs no `sudo` before them.
    """
    unused: list[Capture] | None = None

    def ask(command: str) -> Capture:
        nonlocal unused
        if unused is None:
            unused = list(kept.captures(host, kind))
        written = {command, elevated(command).command}
        for capture in unused:
            if capture.command in written:
                unused.remove(capture)
                return capture
        raise CouldNotLook(kept.could_not_look(host, kind) or say("replay-missing"), where=host)

    return ask
