"""What was copied elsewhere still is: a flow between a backup host and a host that keeps personal data does not go."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from beffroi.city import City
from beffroi.city.words import Name

from . import Breach, Proposal, RuleModel, Source
from ._endpoints import hosts
from ._stores import claims, keepers, kept

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


def find(proposal: Proposal, params: Params) -> Iterator[Breach]:
    """Yield the flows of copies that are gone while the data stays; the same copies by another flow are as good."""
    if proposal.before is None:
        return
    stays = _StillKept(proposal.city)
    left = [copy for _, copies in _copies(proposal.city, params.role) for copy in copies]
    alike = {(copy.host, copy.activity) for copy in left}
    of_any = {(copy.host, copy.service) for copy in left if copy.activity is None}
    for index, copies in _copies(proposal.before.city, params.role):
        lost = [it for it in copies if (it.host, it.activity) not in alike and (it.host, it.service) not in of_any]
        bereft = sorted({copy.host for copy in lost if stays(copy)})
        if bereft:
            name = proposal.before.city.flows[index].name
            yield Breach(name, ("flows", index), {"flow": name, "hosts": ", ".join(bereft)}, Source.BEFORE)


def _copies(city: City, role: str) -> Iterator[tuple[int, list[_Copy]]]:
    """Yield what each flow copies: whatever a backup host fetches, and what hosts bring there for an activity."""
    ends = {name for flow in city.flows for name in (*flow.source, *flow.destination)}
    hosts_of = {name: hosts(city, name) for name in ends}
    backups = {name: {it for it, host in found.items() if role in host.roles} for name, found in hosts_of.items()}
    for index, flow in enumerate(city.flows):
        fetched = flow.destination if any(backups[name] for name in flow.source) else ()
        brought = flow.source if flow.processing and any(backups[name] for name in flow.destination) else ()
        copied = {host for name in (*fetched, *brought) for host in hosts_of[name].keys() - backups[name]}
        yield index, [_Copy(host, flow.service, flow.processing) for host in sorted(copied)]


class _StillKept:
    """Tells whether a town still keeps what was copied."""

    def __init__(self, city: City) -> None:
        self._hosts = keepers(city)
        self._activities = {
            (each.host, activity) for each in kept(city).values() for activity in claims(city, each.name)
        }

    def __call__(self, copy: _Copy) -> bool:
        return (copy.host, copy.activity) in self._activities if copy.activity else copy.host in self._hosts
