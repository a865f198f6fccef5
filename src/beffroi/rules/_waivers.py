"""What the rules about waivers share: how one is called, and where it stands."""

from __future__ import annotations

from collections.abc import Iterator

from beffroi.fieldpath import FieldPath
from beffroi.waiver import Waiver

from . import Breach, Proposal, Source


def numbered(proposal: Proposal) -> Iterator[tuple[int, Waiver]]:
    """Yield each waiver of the proposal with its position in the file."""
    yield from enumerate(proposal.after.waivers)


def breach(index: int, waiver: Waiver, field: str, **names: str) -> Breach:
    """Return a breach about one field of a waiver."""
    path: FieldPath = ("waivers", index, field)
    return Breach(waiver.called, path, {"waiver": waiver.called, **names}, Source.WAIVERS)
