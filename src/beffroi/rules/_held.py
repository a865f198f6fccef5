"""On which machines of a town a control holds."""

from __future__ import annotations

from collections.abc import Iterator

from beffroi import kinds
from beffroi.city import City
from beffroi.control import Control
from beffroi.kinds import Site

from . import Proposal


def machines(control: Control, city: City) -> frozenset[str]:
    """Return the machines on which a control asks for something."""
    sites = [Site(name=name, machine=machine, city=city) for name, machine in city.machines().items()]
    return frozenset(site.name for site in sites if _asks(control, site))


def common(proposal: Proposal) -> Iterator[tuple[Control, Control]]:
    """Yield each control that stays, as it was and as it would be."""
    if proposal.before is None:
        return
    for name, control in proposal.after.controls.items():
        if name in proposal.before.controls:
            yield proposal.before.controls[name], control


def _asks(control: Control, site: Site) -> bool:
    if not control.applies.to(site):
        return False
    kind = kinds.load(control.kind)
    return bool(kind.expected(kind.Params.model_validate(control.params), site))
