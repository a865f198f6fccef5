"""Where things are written: from a path in a part of the repository to a file and a line. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from beffroi.declaration import Declaration
from beffroi.fieldpath import FieldPath, nearest
from beffroi.policy import Policy
from beffroi.replaced import Replaced
from beffroi.review import Correction, Spot
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

    def correction(self, replaced: Replaced) -> Correction:
        """Return a value that a remedy replaces, as a change of the files."""
        span = self.declared.written.spans.get(replaced.path)
        spot = self.spot(replaced.path)
        return Correction(
            spot=Spot(file=spot.file, line=span.line) if span else spot,
            field=replaced.field,
            before=replaced.before,
            after=replaced.after,
            columns=(span.column, span.end) if span and _is_scalar(replaced.becomes) else None,
        )

    def content(self, folder: str, name: str, *, before: bool = False) -> Spot:
        """Return the first line of a control's or a policy's file."""
        return Spot(file=f"{self.prefix}{folder}/{name}.yml", line=1, before=before)


def _is_scalar(value: object) -> bool:
    """Tell whether a value takes the place of a scalar; one that goes would leave its key behind."""
    return isinstance(value, str | bool | int | float)


def spot_of(source: Source, path: FieldPath, after: Version, before: Version | None) -> Spot:
    """Return the spot of a path in a part of the repository; what the proposal no longer holds is shown in the base."""
    if source == Source.WAIVERS and after.declared.waivers_written is not None:
        document = after.declared.waivers_written
        return Spot(file=document.file, line=document.lines.get(nearest(path, document.lines), 1))
    if source == Source.BEFORE and before is not None:
        return before.spot(path, before=True)
    if source in {Source.CONTROLS, Source.POLICIES} and path:
        name = str(path[0])
        folder = "policies" if source == Source.POLICIES else "compliance/controls"
        kept = name in (after.policies if source == Source.POLICIES else after.declared.controls)
        chosen = after if kept or before is None else before
        return chosen.content(folder, name, before=not kept)
    return after.spot(path)
