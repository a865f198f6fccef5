"""On which machines of a town a control holds."""

from __future__ import annotations

from collections.abc import Iterator

from beffroi import kinds
from beffroi.city import City
from beffroi.control import Control
from beffroi.kinds import Site

from . import Proposal


def machines(control: Control, city: City) -> frozenset[str]:
    """Return the machines that a control is about (some may have nothing that it asks for)."""
    sites = [Site(name=name, machine=machine, city=city) for name, machine in city.machines().items()]
    return frozenset(site.name for site in sites if control.applies.to(site))


def asks(control: Control, city: City, machine: str) -> bool:
    """Tell whether a control asks something of a machine of the city."""
    site = Site(name=machine, machine=city.machine(machine), city=city)
    kind = kinds.load(control.kind)
    return control.applies.to(site) and bool(kind.expected(kind.Params.model_validate(control.params), site))


def common(proposal: Proposal) -> Iterator[tuple[Control, Control]]:
    """Yield each control that stays, as it was and as it would be."""
    if proposal.before is None:
        return
    for name, control in proposal.after.controls.items():
        if name in proposal.before.controls:
            yield proposal.before.controls[name], control
