"""A security measure cites controls that the town holds itself to, where the activity's data is kept (RGPD article 32).

A measure that cites none is a promise in words, and the register says so; one that cites a control which looks at
nothing of the activity would be a false proof.
"""

from __future__ import annotations

from collections.abc import Iterator

from beffroi.city import City, ProcessingActivity
from beffroi.kinds import Site

from . import Breach, Proposal, RuleModel


class Params(RuleModel):
    """Nothing to set."""


def find(proposal: Proposal, _params: Params) -> Iterator[Breach]:
    """Yield the cited controls that look at no machine of the activity; nothing where no controls are known at all."""
    city, controls = proposal.city, proposal.after.controls
    if not controls:
        return
    for name, activity in city.processing.items():
        machines = _machines(city, name, activity)
        sites = [Site(name=each, machine=city.machines()[each], city=city) for each in machines]
        for index, measure in enumerate(activity.security_measures):
            for position, control in enumerate(measure.controls):
                if control not in controls or not any(controls[control].applies.to(site) for site in sites):
                    path = ("processing", name, "security_measures", index, "controls", position)
                    yield Breach(name, path, {"activity": name, "control": control})


def _machines(city: City, name: str, activity: ProcessingActivity) -> list[str]:
    """Return the machines that keep an activity's data or stand at an end of its flows."""
    ends = {end for flow in city.flows if flow.processing == name for end in (*flow.source, *flow.destination)}
    keepers = {host for host, store, _ in city.stores() if store in activity.stores}
    return [machine for machine in city.machines() if machine in ends | keepers]
