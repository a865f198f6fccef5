"""One observation: a kind's own code, over a host whose every answer is kept as a capture."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from beffroi import kinds
from beffroi.errors import UNREADABLE, CouldNotLook
from beffroi.verdict import Capture, Observation

from .asking import Ask, asking_host


def observed(name: str, kind_name: str, settings: Iterable[dict[str, Any]], ask: Ask) -> Observation:
    """Return what a kind sees on the host `name` when its commands are answered by `ask`, or why it could not look."""
    captures: list[Capture] = []

    def asked(command: str) -> Capture:
        capture = ask(command)
        captures.append(capture)
        return capture

    kind = kinds.load(kind_name)
    typed = [kind.Setting.model_validate(setting) for setting in settings]
    facts, reason = None, ""
    try:
        facts = kind.observe(asking_host(name, asked), typed)
    except CouldNotLook as error:
        reason = error.what
    except UNREADABLE as error:
        reason = f"{type(error).__name__}: {error}"[:500]
    return Observation(host=name, kind=kind_name, facts=facts, could_not_look=reason, captures=tuple(captures))
