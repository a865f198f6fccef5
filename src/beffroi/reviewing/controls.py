"""Which controls a change gains, loses or alters, and on which machines. Pure."""

from __future__ import annotations

from beffroi.control import Control
from beffroi.desired import DesiredState
from beffroi.review import ControlChange

from .fields import differences
from .spots import Version

_ABOUT = {"kind", "params", "severity", "applies"}


def control_changes(before: Version, after: Version) -> tuple[ControlChange, ...]:
    """Return the controls gained, lost and changed, in their order; machines that come or go make no change alone."""
    old, new = before.declared.controls, after.declared.controls
    lost = [_change("lost", before, name) for name in old if name not in new]
    gained = [_change("gained", after, name) for name in new if name not in old]
    changed = [
        _change("changed", after, name).model_copy(update={"changes": changes})
        for name in new
        if name in old and (changes := tuple(differences(_plain(old[name]), _plain(new[name]))))
    ]
    return (*lost, *changed, *gained)


def _change(sort: str, version: Version, name: str) -> ControlChange:
    machines = _machines(version.declared.desired, name)
    spot = version.content("compliance/controls", name, before=sort == "lost")
    return ControlChange.model_validate({"sort": sort, "control": name, "machines": machines, "spot": spot})


def _machines(desired: DesiredState, control: str) -> tuple[str, ...]:
    return tuple(check.host for check in desired.checks if check.control == control)


def _plain(control: Control) -> dict[str, object]:
    return control.model_dump(mode="json", include=_ABOUT)
