"""What protected personal data by encryption still does: on the way (services) and at rest (stores)."""

from __future__ import annotations

from collections.abc import Iterator

from . import Breach, Proposal, RuleModel
from ._flows import pairs as flows
from ._stores import pairs as stores

ON_CHANGE = True


class Params(RuleModel):
    """Nothing to set."""


def find(proposal: Proposal, _params: Params) -> Iterator[Breach]:
    """Yield the flows of personal data that go in clear from now on, then the stores that are no longer encrypted."""
    if proposal.before is None:
        return
    stood, city = proposal.before.city, proposal.city
    olds = {index: old for old, index, _ in flows(proposal)}
    for index, flow in enumerate(city.flows):
        personal = flow.processing or (index in olds and olds[index].processing)
        services = {flow.service, olds[index].service} if index in olds else {flow.service}
        was_protected = any(stood.services[name].encrypted for name in services if name in stood.services)
        if personal and was_protected and not city.services[flow.service].encrypted:
            yield Breach(flow.name, ("flows", index, "service"), {"subject": flow.name, "by": flow.service})
    for each, new in stores(proposal):
        if new and each.store.encrypted_at_rest and not new.store.encrypted_at_rest:
            yield Breach(new.name, (*new.path, "encrypted_at_rest"), {"subject": new.name, "by": "encrypted_at_rest"})
