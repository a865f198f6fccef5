"""A segment is not trusted more than it was: its zone opens doors to whatever already stands there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from beffroi.city import Zone

from . import Breach, Proposal, RuleModel
from ._segments import pairs

ON_CHANGE = True


class Params(RuleModel):
    """The zones in groups, from the least trusted to the most; those of one group are trusted alike."""

    trust: Annotated[tuple[tuple[Zone, ...], ...], Field(min_length=2)]


def find(proposal: Proposal, params: Params) -> Iterator[Breach]:
    """Yield the segments whose zone is of a more trusted group than it was."""
    ranks = {zone: rank for rank, zones in enumerate(params.trust) for zone in zones}
    for old, name, segment in pairs(proposal):
        if old.zone in ranks and segment.zone in ranks and ranks[segment.zone] > ranks[old.zone]:
            names = {"segment": name, "before": old.zone.value, "after": segment.zone.value}
            yield Breach(name, ("segments", name, "zone"), names)
