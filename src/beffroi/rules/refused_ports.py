"""Ports that no service of the town covers: those of protocols that show passwords to whoever listens."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from beffroi.network.invariants import Written

from . import Breach, Proposal, RuleModel
from ._ports import meet, ports_of, ports_written


class Params(RuleModel):
    """The ports refused."""

    ports: Annotated[tuple[Written, ...], Field(min_length=1)]


def find(proposal: Proposal, params: Params) -> Iterator[Breach]:
    """Yield the services that cover one of them, alone or in a range."""
    for name, service in proposal.city.services.items():
        covered = [each for each in params.ports if meet(ports_of(service), ports_written([each]))]
        if covered:
            names = {"service": name, "ports": ", ".join(covered)}
            yield Breach(name, ("services", name), names)
