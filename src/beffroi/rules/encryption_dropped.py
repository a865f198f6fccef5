"""What protected personal data by encryption still does: on the way (services) and at rest (stores)."""

from __future__ import annotations

from collections.abc import Iterator

from beffroi.city import City

from . import Breach, Proposal, RuleModel
from ._stores import pairs

ON_CHANGE = True


class Params(RuleModel):
    """Nothing to set."""


def find(proposal: Proposal, _params: Params) -> Iterator[Breach]:
    """Yield the flows of personal data that go in clear from now on, then the stores that are no longer encrypted."""
    if proposal.before is None:
        return
    yield from _flows(proposal.before.city, proposal.city)
    for old, new in pairs(proposal):
        if new and old.store.encrypted_at_rest and not new.store.encrypted_at_rest:
            yield Breach(new.name, (*new.path, "encrypted_at_rest"), {"subject": new.name, "by": "encrypted_at_rest"})


def _flows(stood: City, city: City) -> Iterator[Breach]:
    known = {flow.name: flow for flow in stood.flows}
    for index, flow in enumerate(city.flows):
        old = known.get(flow.name)
        personal = flow.processing or (old and old.processing)
        if not personal or city.services[flow.service].encrypted:
            continue
        protected = [name for name in (old and old.service, flow.service) if name in stood.services]
        if any(stood.services[name].encrypted for name in protected if name):
            yield Breach(flow.name, ("flows", index, "service"), {"subject": flow.name, "by": flow.service})
