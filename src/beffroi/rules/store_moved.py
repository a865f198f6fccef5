"""A store of personal data stays where it is and whose it is: a declaration that moves does not move the data."""

from __future__ import annotations

from collections.abc import Iterator

from . import Breach, Proposal, RuleModel
from ._stores import Kept, pairs

ON_CHANGE = True


class Params(RuleModel):
    """Nothing to set."""


def find(proposal: Proposal, _params: Params) -> Iterator[Breach]:
    """Yield the stores whose host, folder, owner or group is another one, or whose mode grants more."""
    for old, new in pairs(proposal):
        if new is None:
            continue
        changed = [(field, was, now) for field, was, now in _fields(old, new) if was != now]
        if changed:
            told = ", ".join(f"{field}: {was} → {now}" for field, was, now in changed)
            field = changed[0][0]
            path = new.path if field == "host" else (*new.path, field)
            yield Breach(new.name, path, {"store": new.name, "changes": told})


def _fields(old: Kept, new: Kept) -> Iterator[tuple[str, str, str]]:
    yield "host", old.host, new.host
    for field in ("path", "owner", "group"):
        yield field, getattr(old.store, field), getattr(new.store, field)
    granted = int(new.store.mode, 8) & ~int(old.store.mode, 8)
    yield "mode", old.store.mode, new.store.mode if granted else old.store.mode
