"""Machines are made from a recent image, so that they start with the updates of the day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from . import Breach, Proposal, RuleModel


class Params(RuleModel):
    """The most `days` that an image may count."""

    days: Annotated[int, Field(ge=1, le=3660)]


def find(proposal: Proposal, params: Params) -> Iterator[Breach]:
    """Yield the machines whose declared image is older, or was built after today."""
    for name, machine in proposal.city.machines().items():
        if machine.image is None:
            continue
        age = proposal.today - machine.image.built
        if age > timedelta(days=params.days) or age < timedelta(0):
            section = "hosts" if name in proposal.city.hosts else "gateways"
            names = {"machine": name, "built": machine.image.built.isoformat(), "days": str(params.days)}
            yield Breach(name, (section, name, "image", "built"), names)
