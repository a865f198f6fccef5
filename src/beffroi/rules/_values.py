"""Which values of a control a change touches, and whether they then ask for less."""

from __future__ import annotations

import json
from typing import Any

from beffroi import kinds
from beffroi.control import Control

_SHOWN = 80


def asks_for_less(old: Control, new: Control) -> bool | None:
    """Tell whether a control asks for less than it did; None where its values differ and cannot be ordered.

    Of another kind it asks for something else, and gives up what it asked for.
    """
    return True if old.kind != new.kind else kinds.weakened(new.kind, old.params, new.params)


def changes(old: Control, new: Control) -> dict[str, str]:
    """Return the names that tell a change: the control, and its values that differ, as they were and as they are."""
    if old.kind != new.kind:
        return {"control": new.id, "before": old.kind, "after": new.kind}
    was, now = _differing(old.params, new.params)
    return {"control": new.id, "before": _shown(was), "after": _shown(now)}


def _differing(was: Any, now: Any) -> tuple[Any, Any]:  # noqa: ANN401 - whatever a kind's parameters hold
    if not (isinstance(was, dict) and isinstance(now, dict)):
        return was, now
    keys = [key for key in {**was, **now} if was.get(key) != now.get(key)]
    if len(keys) == 1 and keys[0] in was and keys[0] in now:
        return _differing(was[keys[0]], now[keys[0]])
    return {key: was[key] for key in keys if key in was}, {key: now[key] for key in keys if key in now}


def _shown(value: Any) -> str:  # noqa: ANN401 - see above
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
