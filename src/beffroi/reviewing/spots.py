"""Where things are written: from a path in a part of the repository to a file and a line. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from beffroi.declaration import Declaration
from beffroi.fieldpath import FieldPath, nearest
from beffroi.policy import Policy
from beffroi.review import Spot
from beffroi.rules import Source


@dataclass(frozen=True)
class Version:
    """One version of a repository: a declaration, the policies beside it, and the way from the top to the content.

    Places of the declaration are relative to the top already; those of policies and controls to the content.
    """

    declared: Declaration
    policies: Mapping[str, Policy]
    prefix: str = ""

    def spot(self, path: FieldPath, *, before: bool = False) -> Spot:
        """Return where a field of the town is written, or its nearest written ancestor."""
        places = self.declared.written.places
        place = places[nearest(path, places)]
        return Spot(file=place.file, line=place.line, before=before)

    def content(self, folder: str, name: str, *, before: bool = False) -> Spot:
        """Return the first line of a control's or a policy's file."""
        return Spot(file=f"{self.prefix}{folder}/{name}.yml", line=1, before=before)

    def chosen(self, path: FieldPath) -> Spot | None:
        """Return where the profile says something, or the nearest line; None for a town that was made without one."""
        choice = self.declared.choice
        if choice is None:
            return None
        written = choice.written
        return Spot(file=f"{self.prefix}{written.file}", line=written.lines.get(nearest(path, written.lines), 1))


def control_spot(name: str, after: Version, before: Version | None) -> Spot:
    """Return the line of the proposed files that makes a control what it is: its own file's, or the profile's.

    The profile's where it leaves a control out, takes one in that stood in the catalogue, or sets other values.
    """
    of_profile = None
    if name not in after.declared.controls:
        of_profile = after.chosen(("controls",))
    elif before is not None and name not in before.declared.controls:
        of_profile = after.chosen(("controls",)) if _offers(before, name) else None
    elif before is not None and _set(after, name) != _set(before, name):
        of_profile = after.chosen(("params", name))
    return of_profile or content_spot(Source.CONTROLS, name, after, before)


def content_spot(source: Source, name: str, after: Version, before: Version | None) -> Spot:
    """Return a control's or a policy's own file; one that the proposal no longer holds is shown in the base."""
    kept = name in after.policies if source == Source.POLICIES else _offers(after, name)
    folder = "policies" if source == Source.POLICIES else "compliance/controls"
    shown = after if kept or before is None else before
    return shown.content(folder, name, before=shown is not after)


def _offers(version: Version, control: str) -> bool:
    """Tell whether the catalogue of a version holds a control, chosen or not."""
    choice = version.declared.choice
    return control in (version.declared.controls if choice is None else choice.known)


def _set(version: Version, control: str) -> object:
    choice = version.declared.choice
    return None if choice is None else choice.value(control)


def spot_of(source: Source, path: FieldPath, after: Version, before: Version | None) -> Spot:
    """Return the spot of a path in a part of the repository; what the proposal no longer holds is shown in the base."""
    if source == Source.WAIVERS and after.declared.waivers_written is not None:
        document = after.declared.waivers_written
        return Spot(file=document.file, line=document.lines.get(nearest(path, document.lines), 1))
    if source == Source.BEFORE and before is not None:
        return before.spot(path, before=True)
    if source == Source.CONTROLS and path:
        return control_spot(str(path[0]), after, before)
    if source == Source.POLICIES and path:
        return content_spot(source, str(path[0]), after, before)
    return after.spot(path)
