"""What a change does to the register of processing activities (RGPD, article 30). Pure."""

from __future__ import annotations

from collections.abc import Iterator

from beffroi.review import RegisterChange

from .fields import differences
from .spots import Version


def register_changes(before: Version, after: Version) -> tuple[RegisterChange, ...]:
    """Return the activities removed, added and changed, field by field."""
    return tuple(_changes(before, after))


def _changes(before: Version, after: Version) -> Iterator[RegisterChange]:
    old, new = before.declared.city.processing, after.declared.city.processing
    for name in (name for name in old if name not in new):
        yield RegisterChange(sort="removed", activity=name, spot=before.spot(("processing", name), before=True))
    for name, activity in new.items():
        spot = after.spot(("processing", name))
        if name not in old:
            yield RegisterChange(sort="added", activity=name, spot=spot)
            continue
        changes = tuple(differences(old[name].model_dump(mode="json"), activity.model_dump(mode="json")))
        if changes:
            yield RegisterChange(sort="changed", activity=name, changes=changes, spot=spot)
