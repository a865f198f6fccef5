"""A segment is not trusted more than it was: its zone opens doors to whatever already stands there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from beffroi.city import Zone

from . import Breach, Proposal, RuleModel

ON_CHANGE = True


class Params(RuleModel):
    """The zones in groups, from the least trusted to the most; those of one group are trusted alike."""

    trust: Annotated[tuple[tuple[Zone, ...], ...], Field(min_length=2)]


def find(proposal: Proposal, params: Params) -> Iterator[Breach]:
    """Yield the segments whose zone is of a more trusted group than it was."""
    if proposal.before is None:
        return
    ranks = {zone: rank for rank, zones in enumerate(params.trust) for zone in zones}
    stood = proposal.before.city.segments
    for name, segment in proposal.city.segments.items():
        if name not in stood or not {segment.zone, stood[name].zone} <= ranks.keys():
            continue
        if ranks[segment.zone] > ranks[stood[name].zone]:
            names = {"segment": name, "before": stood[name].zone.value, "after": segment.zone.value}
            yield Breach(name, ("segments", name, "zone"), names)
