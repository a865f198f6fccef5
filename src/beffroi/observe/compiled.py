"""What will be asked of a host, known before it is asked: the questions that a set of kinds begins with. Pure.

Every kind puts all its questions in its first one, so these are all of them: a host is seen in one exec, and whoever
may run nothing but a fixed probe can be given it. A kind that asked again, having read an answer, would cost a second
exec; a test holds that none does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from beffroi.verdict import Capture

from .observing import observed
from .waves import park, waves


def known_in_advance(name: str, settings: Mapping[str, Iterable[dict[str, Any]]]) -> tuple[str, ...]:
    """Return the commands that the kinds of `settings` begin with on the host `name`, in their order, once each."""
    side_by_side = waves([partial(observed, name, kind, of_kind, _never) for kind, of_kind in settings.items()])
    try:
        return next(side_by_side)
    except StopIteration:
        return ()
    finally:
        side_by_side.close()


def _never(command: str) -> Capture:
    park(command)
    raise AssertionError(command)
