"""The way that an activity's data takes: who opens its flows, in what order they follow, where they end. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from beffroi.city import City, Flow
from beffroi.city.roles import BACKUP_ROLE


@dataclass(frozen=True)
class Course:
    """The flows of an activity in the order in which data passes, without those that fetch copies.

    `sources` are those from whom data comes; `first` the sources to which no flow of the activity brings anything.
    """

    flows: tuple[Flow, ...]
    sources: tuple[str, ...]
    first: tuple[str, ...]

    def next_of(self, flow: Flow) -> list[str]:
        """Return the flows that pass on what `flow` brings."""
        return [each.name for each in self.flows if each is not flow and set(each.source) & set(flow.destination)]

    def reached(self, city: City, flow: Flow) -> set[str]:
        """Return the hosts at the end of a flow, and those at its start that call for the data themselves."""
        ends = {*flow.destination} | {name for name in flow.source if name in city.hosts and called(city, flow)}
        return {name for name, host in city.hosts.items() if name in ends or ends & set(host.interfaces)}


def course(city: City, activity: str) -> Course:
    """Return the course of an activity's data; flows that go in a circle keep the order of the files."""
    backups = city.hosts_with_role(BACKUP_ROLE)
    flows = [flow for flow in city.flows if flow.processing == activity and not set(flow.source) <= set(backups)]
    brought = {end for flow in flows if not called(city, flow) for end in flow.destination}
    depth = _depths(flows)
    ordered = sorted(flows, key=lambda flow: depth[id(flow)])
    sources = tuple(dict.fromkeys(name for flow in ordered for name in origins(city, flow)))
    return Course(tuple(ordered), sources, tuple(name for name in sources if name not in brought))


def _depths(flows: Sequence[Flow]) -> dict[int, int]:
    """Return how many flows bring data before each one, by its identity; a circle ends at as many as there are."""
    ending: dict[str, dict[int, None]] = {}
    for flow in flows:
        for end in flow.destination:
            ending.setdefault(end, {})[id(flow)] = None
    before = {id(flow): {it for name in flow.source for it in ending.get(name, ())} - {id(flow)} for flow in flows}
    depth = dict.fromkeys(before, 0)
    for _ in flows:
        known = dict(depth)
        for each, earlier in before.items():
            deepest = max((depth[one] for one in earlier), default=len(flows))
            if deepest < len(flows):
                depth[each] = max(depth[each], deepest + 1)
        if depth == known:
            break
    return depth


def origins(city: City, flow: Flow) -> tuple[str, ...]:
    """Return from where a flow brings data: who opens it, or the devices that it calls."""
    return flow.destination if called(city, flow) else flow.source


def called(city: City, flow: Flow) -> bool:
    """Tell whether a flow calls devices for what they have, as a recorder calls cameras."""
    return all(end in city.fleets for end in flow.destination)
