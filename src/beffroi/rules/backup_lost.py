"""What was copied elsewhere still is: a flow between a backup host and a host that keeps personal data does not go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from beffroi.city import City, Flow
from beffroi.city.words import Name

from . import Breach, Proposal, RuleModel, Source
from ._endpoints import hosts
from ._stores import keepers, kept

ON_CHANGE = True


class Params(RuleModel):
    """The role of the hosts that keep the copies."""

    role: Name = "backup"


@dataclass(frozen=True)
class _Copy:
    """A host whose data can be copied by a flow; `activity` is the one that the flow serves, None for any."""

    host: str
    service: str
    activity: str | None

    def covers(self, other: _Copy) -> bool:
        return self.host == other.host and (
            self.activity == other.activity or (self.activity is None and self.service == other.service)
        )


def find(proposal: Proposal, params: Params) -> Iterator[Breach]:
    """Yield the flows of copies that are gone while the data stays; the same copies by another flow are as good."""
    if proposal.before is None:
        return
    stood, city = proposal.before.city, proposal.city
    left = {copy for flow in city.flows for copy in _copies(city, flow, params.role)}
    for index, flow in enumerate(stood.flows):
        lost = [copy for copy in _copies(stood, flow, params.role) if not any(it.covers(copy) for it in left)]
        bereft = sorted({copy.host for copy in lost if _still_kept(city, copy)})
        if bereft:
            names = {"flow": flow.name, "hosts": ", ".join(bereft)}
            yield Breach(flow.name, ("flows", index), names, Source.BEFORE)


def _copies(city: City, flow: Flow, role: str) -> Iterator[_Copy]:
    """Yield what a flow copies: whatever a backup host fetches, and what hosts bring there for an activity."""
    for source, destination in product(flow.source, flow.destination):
        for here, there in product(hosts(city, source).items(), hosts(city, destination).items()):
            if role in here[1].roles and role not in there[1].roles:
                yield _Copy(there[0], flow.service, flow.processing)
            elif role in there[1].roles and role not in here[1].roles and flow.processing:
                yield _Copy(here[0], flow.service, flow.processing)


def _still_kept(city: City, copy: _Copy) -> bool:
    if copy.activity is None:
        return copy.host in keepers(city)
    activity = city.processing.get(copy.activity)
    here = {each.name for each in kept(city).values() if each.host == copy.host}
    return activity is not None and bool(here & set(activity.stores))
