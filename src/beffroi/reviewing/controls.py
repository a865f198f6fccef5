"""Which controls a change gains, loses or alters, and on which machines. Pure."""

from __future__ import annotations

from typing import Literal

from beffroi.control import Control
from beffroi.desired import DesiredState
from beffroi.review import ControlChange

from .fields import differences
from .spots import Version, control_spot

_ABOUT = {"kind", "params", "severity", "applies"}


def control_changes(before: Version, after: Version) -> tuple[ControlChange, ...]:
    """Return the controls gained, lost and changed, in their order; machines that come or go make no change alone."""
    old, new = before.declared.controls, after.declared.controls

    def change(sort: Literal["gained", "lost", "changed"], name: str) -> ControlChange:
        spot = control_spot(name, after, before)
        return ControlChange(sort=sort, control=name, spot=spot, machines=_machines(by_sort[sort], name))

    by_sort = {"lost": before.declared.desired, "gained": after.declared.desired, "changed": after.declared.desired}
    lost = [change("lost", name) for name in old if name not in new]
    gained = [change("gained", name) for name in new if name not in old]
    changed = [
        change("changed", name).model_copy(update={"changes": changes})
        for name in new
        if name in old and (changes := tuple(differences(_plain(old[name]), _plain(new[name]))))
    ]
    return (*lost, *changed, *gained)


def _machines(desired: DesiredState, control: str) -> tuple[str, ...]:
    return tuple(check.host for check in desired.checks if check.control == control)


def _plain(control: Control) -> dict[str, object]:
    return control.model_dump(mode="json", include=_ABOUT)
