"""A machine is made from a recent image: an old one brings back the holes that were mended since."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from . import Breach, Proposal, RuleModel


class Params(RuleModel):
    """How many `days` old an image may be."""

    days: Annotated[int, Field(ge=1, le=3660)]


def find(proposal: Proposal, params: Params) -> Iterator[Breach]:
    """Yield the machines that declare an older image, or one that is not built yet."""
    city, today = proposal.city, proposal.today
    for name, machine in city.machines().items():
        if machine.image is None or today - timedelta(days=params.days) <= machine.image.built <= today:
            continue
        section = "gateways" if name in city.gateways else "hosts"
        names = {"machine": name, "image": machine.image.name, "built": machine.image.built.isoformat()}
        yield Breach(name, (section, name, "image", "built"), {**names, "days": str(params.days)})
