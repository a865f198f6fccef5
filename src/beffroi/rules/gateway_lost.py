"""A gateway does not go while what it filtered stays: it is the only thing between its segments."""

from __future__ import annotations

from collections.abc import Iterator

from . import Breach, Proposal, RuleModel, Source

ON_CHANGE = True


class Params(RuleModel):
    """Nothing to set."""


def find(proposal: Proposal, _params: Params) -> Iterator[Breach]:
    """Yield the gateways that are gone, unless a new one stands on all of their segments that are left."""
    if proposal.before is None:
        return
    stood, city = proposal.before.city.gateways, proposal.city
    new = [set(gateway.interfaces) for name, gateway in city.gateways.items() if name not in stood]
    for name, gateway in stood.items():
        left = set(gateway.interfaces) & set(city.segments)
        if name not in city.gateways and len(left) > 1 and not any(left <= segments for segments in new):
            names = {"gateway": name, "segments": ", ".join(sorted(left))}
            yield Breach(name, ("gateways", name), names, Source.BEFORE)
