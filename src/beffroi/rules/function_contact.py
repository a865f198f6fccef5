"""Whoever answers for something can be reached: a contact, of the function and not of a person."""

from __future__ import annotations

from collections.abc import Iterator

from beffroi.city import City

from . import Breach, Proposal, RuleModel


class Params(RuleModel):
    """Nothing to set."""


def find(proposal: Proposal, _params: Params) -> Iterator[Breach]:
    """Yield the functions that answer for something and give no contact."""
    city = proposal.city
    answering = _answering(city)
    for name, function in city.functions.items():
        if name in answering and not (function.contact or "").strip():
            yield Breach(name, ("functions", name), {"function": name, "subject": answering[name]})


def _answering(city: City) -> dict[str, str]:
    """Return the functions that answer for something, and the last of what each answers for."""
    machines = {machine.responsible: name for name, machine in city.machines().items()}
    fleets = {fleet.owner: name for name, fleet in city.fleets.items()}
    activities = {activity.responsible: name for name, activity in city.processing.items()}
    return {**machines, **fleets, **activities, city.town.data_protection_officer: city.town.name}
