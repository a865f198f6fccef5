"""A service that opens many ports: nobody can say what answers behind each of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from . import Breach, Proposal, RuleModel
from ._ports import count, ports_of


class Params(RuleModel):
    """How many `ports` a service may open."""

    ports: Annotated[int, Field(ge=1, le=65535)]


def find(proposal: Proposal, params: Params) -> Iterator[Breach]:
    """Yield the services that open more."""
    for name, service in proposal.city.services.items():
        opened = count(ports_of(service))
        if opened > params.ports:
            yield Breach(name, ("services", name, "ports"), {"service": name, "count": str(opened)})
