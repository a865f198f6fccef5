"""What machines of one role keep is erased within so many days: the law's ceiling for that sort of data."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from beffroi.city.words import Name

from . import Breach, Proposal, RuleModel


class Params(RuleModel):
    """The `role` of the machines where the data is first kept, and the ceiling in `days`.

    Without a role, every activity's data. Copies elsewhere fall under it too, since they belong to the same activity.
    """

    role: Name | None = None
    days: Annotated[int, Field(ge=1, le=36500)]


def find(proposal: Proposal, params: Params) -> Iterator[Breach]:
    """Yield the activities that keep such data for longer."""
    city = proposal.city
    kept = {
        store
        for host in city.hosts.values()
        if params.role is None or params.role in host.roles
        for store in host.stores
    }
    for name, activity in city.processing.items():
        if kept & set(activity.stores) and activity.retention.lasts() > timedelta(days=params.days):
            names = {"activity": name, "duration": activity.retention.duration, "days": str(params.days)}
            yield Breach(name, ("processing", name, "retention", "duration"), names)
