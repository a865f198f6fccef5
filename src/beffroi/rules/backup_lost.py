"""What was copied elsewhere still is: a flow between a backup host and a host that keeps personal data does not go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from beffroi.city import City, Flow
from beffroi.city.words import Name

from . import Breach, Proposal, RuleModel, Source
from ._endpoints import hosts
from ._stores import claims, keepers, kept

ON_CHANGE = True


class Params(RuleModel):
    """The role of the hosts that keep the copies."""

    role: Name = "backup"


_Alike = tuple[tuple[str, ...], tuple[str, ...], str, str | None]
"""What flows that copy the same have in common: their ends, their service and their activity."""


@dataclass(frozen=True)
class _Copy:
    """A host whose data can be copied by a flow; `activity` is the one that the flow serves, None for any."""

    host: str
    service: str
    activity: str | None


def find(proposal: Proposal, params: Params) -> Iterator[Breach]:
    """Yield the flows of copies that are gone while the data stays; the same copies by another flow are as good."""
    if proposal.before is None:
        return
    stays = _StillKept(proposal.city)
    left = [copy for copies in _copies(proposal.city, params.role).values() for copy in copies]
    alike = {(copy.host, copy.activity) for copy in left}
    of_any = {(copy.host, copy.service) for copy in left if copy.activity is None}
    bereft = {
        end: sorted(
            copy.host
            for copy in copies
            if (copy.host, copy.activity) not in alike and (copy.host, copy.service) not in of_any and stays(copy)
        )
        for end, copies in _copies(proposal.before.city, params.role).items()
    }
    for index, flow in enumerate(proposal.before.city.flows):
        if machines := bereft[_alike(flow)]:
            names = {"flow": flow.name, "hosts": ", ".join(machines)}
            yield Breach(flow.name, ("flows", index), names, Source.BEFORE)


def _alike(flow: Flow) -> _Alike:
    return flow.source, flow.destination, flow.service, flow.processing


def _copies(city: City, role: str) -> dict[_Alike, list[_Copy]]:
    """Return what flows copy, those alike once: whatever a backup host fetches, and what others bring there.

    Others bring copies for an activity; without one, it is logs or the like.
    """
    ends = {name for flow in city.flows for name in (*flow.source, *flow.destination)}
    hosts_of = {name: hosts(city, name) for name in ends}
    backups = {name: {it for it, host in found.items() if role in host.roles} for name, found in hosts_of.items()}
    copies = {}
    for sources, destinations, service, activity in dict.fromkeys(map(_alike, city.flows)):
        fetched = destinations if any(backups[name] for name in sources) else ()
        brought = sources if activity and any(backups[name] for name in destinations) else ()
        copied = {host for name in (*fetched, *brought) for host in hosts_of[name].keys() - backups[name]}
        copies[sources, destinations, service, activity] = [_Copy(host, service, activity) for host in copied]
    return copies


class _StillKept:
    """Tells whether a town still keeps what was copied."""

    def __init__(self, city: City) -> None:
        self._hosts = keepers(city)
        self._activities = {
            (each.host, activity) for each in kept(city).values() for activity in claims(city, each.name)
        }

    def __call__(self, copy: _Copy) -> bool:
        return (copy.host, copy.activity) in self._activities if copy.activity else copy.host in self._hosts
