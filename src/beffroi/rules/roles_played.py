"""Some machine plays each role that a town cannot do without."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from beffroi.city.words import Name

from . import Breach, Proposal, RuleModel


class Params(RuleModel):
    """The `roles` that somebody must play."""

    roles: Annotated[tuple[Name, ...], Field(min_length=1)]


def find(proposal: Proposal, params: Params) -> Iterator[Breach]:
    """Yield the roles that no machine plays."""
    for role in params.roles:
        if not proposal.city.hosts_with_role(role):
            yield Breach(role, ("hosts",), {"role": role})
