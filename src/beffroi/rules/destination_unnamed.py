"""A flow that serves an activity ends where the activity says that data goes (purpose limitation, RGPD 5(1)(b)).

It keeps the activity's data there, passes it on to somebody who does, brings it to one who keeps it (cameras that a
recorder calls), or leaves the town for somebody whom the register names.
"""

from __future__ import annotations

from collections.abc import Iterator

from beffroi.city import INTERNET, City, ProcessingActivity

from . import Breach, Proposal, RuleModel
from ._endpoints import hosts, pairs


class Params(RuleModel):
    """Nothing to set."""


def find(proposal: Proposal, _params: Params) -> Iterator[Breach]:
    """Yield the flows to a place of which their activity says nothing, each once.

    Places that keep other activities' data are for another rule.
    """
    city = proposal.city
    found: set[int] = set()
    for index, flow, source, destination in pairs(city):
        if flow.processing is None or index in found:
            continue
        activity = city.processing[flow.processing]
        if not _named(city, flow.processing, activity, source, destination):
            found.add(index)
            names = {"flow": flow.name, "activity": flow.processing, "end": destination}
            yield Breach(flow.name, ("flows", index, "to"), names)


def _named(city: City, name: str, activity: ProcessingActivity, source: str, destination: str) -> bool:
    if any(host.stores for host in hosts(city, destination).values()) or _keeps(city, activity, source):
        return True
    if destination == INTERNET:
        return bool(activity.processors or activity.transfers or activity.recipients)
    return destination in _senders(city, name)


def _keeps(city: City, activity: ProcessingActivity, endpoint: str) -> bool:
    return any(set(host.stores) & set(activity.stores) for host in hosts(city, endpoint).values())


def _senders(city: City, activity: str) -> set[str]:
    """Return who opens flows of an activity: whoever does passes on what it receives."""
    of_activity = [flow for flow in city.flows if flow.processing == activity]
    named = {source for flow in of_activity for source in flow.source}
    return named | {host for source in named for host in hosts(city, source)}
