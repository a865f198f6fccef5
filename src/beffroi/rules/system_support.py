"""Every machine runs a system that somebody still mends."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from beffroi.city.lifecycle import LAST_DAY_OF_SUPPORT

from . import Breach, Proposal, RuleModel


class Params(RuleModel):
    """`days` ahead of today; with 0, a machine is found from the day after its system's last."""

    days: Annotated[int, Field(ge=0, le=1830)] = 0


def find(proposal: Proposal, params: Params) -> Iterator[Breach]:
    """Yield the machines whose system's support ends before `today` + `days`; ahead leaves out what has ended."""
    city, today = proposal.city, proposal.today
    for name, machine in city.machines().items():
        last = LAST_DAY_OF_SUPPORT[machine.os]
        if last >= today + timedelta(days=params.days) or (params.days and last < today):
            continue
        section = "gateways" if name in city.gateways else "hosts"
        names = {"machine": name, "system": machine.os, "until": last.isoformat()}
        yield Breach(name, (section, name, "os"), names)
