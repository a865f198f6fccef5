"""Machines run a system that is still maintained: no security update means that every known hole stays open."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Annotated

from pydantic import Field

from . import Breach, Proposal, RuleModel


class Params(RuleModel):
    """The last day of security updates of each system (its kernel's too), and how many `days` ahead to look."""

    ends: Annotated[dict[str, date], Field(min_length=1)]
    days: Annotated[int, Field(ge=0, le=1000)] = 0


def find(proposal: Proposal, params: Params) -> Iterator[Breach]:
    """Yield the machines whose system ends before `today` + `days`, or of which no end is known."""
    horizon = proposal.today + timedelta(days=params.days)
    for name, machine in proposal.city.machines().items():
        end = params.ends.get(machine.os)
        if end is None or end < horizon:
            section = "hosts" if name in proposal.city.hosts else "gateways"
            names = {"machine": name, "os": machine.os, "end": end.isoformat() if end else "?"}
            yield Breach(name, (section, name, "os"), names)
