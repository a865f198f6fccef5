"""The posts that watch and guard the town stay manned: the bastion, the log collector, the clock, the copies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from beffroi.city.words import Name

from . import Breach, Proposal, RuleModel, Source

ON_CHANGE = True


class Params(RuleModel):
    """The roles that some machine must go on playing."""

    roles: Annotated[tuple[Name, ...], Field(min_length=1)]


def find(proposal: Proposal, params: Params) -> Iterator[Breach]:
    """Yield the roles that a machine played and none plays any longer."""
    if proposal.before is None:
        return
    stood = proposal.before.city
    for role in params.roles:
        players = sorted(stood.hosts_with_role(role))
        if players and not proposal.city.hosts_with_role(role):
            section = "hosts" if players[0] in stood.hosts else "gateways"
            names = {"role": role, "machines": ", ".join(players)}
            yield Breach(role, (section, players[0], "roles"), names, Source.BEFORE)
