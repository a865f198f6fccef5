"""The proof: what the firewalls let through is what the town declares, nothing more and nothing less. Pure.

For both families, from every place: each packet that arrives is declared on the link where it was sent, each declared
packet arrives, and its answer comes back. What is not so is a finding, with all its packets. Nothing is sampled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, partial

from .answering import Returning
from .crossing import Crossing
from .declared import LISTENERS, NEIGHBOURS, Declared, declared, opening
from .firewall import Direction, Family, Match, State, Tracking
from .packets import PacketSet, box, matched, nothing, united
from .reach import Arrival, Reach, on_the_link, reach, town_space
from .services import ICMPV6, Box, Services, only
from .space import Space
from .town import FAMILIES, Town, martians

LINK = Services((*NEIGHBOURS.boxes, *LISTENERS.boxes))
"""What a link itself needs, from neighbour to neighbour; it is never forwarded."""


UNTRACKED = Services((Box(only([ICMPV6]), only([*range(130, 137), 143])),))
"""What the kernel never tracks (net/netfilter/nf_conntrack_proto_icmpv6.c); all else may begin a connection."""


class Sort(StrEnum):
    """What is wrong with some packets.

    `more`: they arrive and no flow declares them. `less`: a flow declares them and they do not arrive. `half-open`:
    they arrive, and their answer does not come back. `stray`: they arrive though they belong to no connection
    (conntrack's invalid and untracked). `unknown`: whether they arrive depends on something that is not modelled.
    """

    MORE = "more"
    LESS = "less"
    HALF_OPEN = "half-open"
    STRAY = "stray"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Finding:
    """Packets of one sort, from one place; `end` is where they arrive, or where they should."""

    sort: Sort
    family: Family
    start: str
    end: str
    packets: PacketSet
    crossings: tuple[Crossing, ...] = ()
    flows: tuple[str, ...] = ()


@dataclass(frozen=True)
class FamilyProof:
    """What was proved for packets of one family: the space, what arrives, what is declared, what differs."""

    family: Family
    space: Space
    reached: Reach
    declared: tuple[Declared, ...]
    findings: tuple[Finding, ...]

    @cached_property
    def open_pairs(self) -> frozenset[tuple[str, str]]:
        """Return the ordered pairs of places between which any packet gets."""
        return frozenset((each.start, each.end) for each in self.reached.arrivals)

    def limited(self) -> Iterator[Declared]:
        """Yield the flows of which some packets arrive up to a rate only."""
        limited = {start: united(self.space, sets) for start, sets in self._limited.items()}
        for each in self.declared:
            if each.first and each.start in limited and matched(self.space, each.match) & limited[each.start]:
                yield each

    @cached_property
    def _limited(self) -> dict[str, list[PacketSet]]:
        found: dict[str, list[PacketSet]] = {}
        for arrival in self.reached.arrivals:
            if arrival.limited:
                found.setdefault(arrival.start, []).append(arrival.limited)
        return found


@dataclass(frozen=True)
class Proof:
    """The proof of a town, family by family."""

    town: Town
    families: Mapping[Family, FamilyProof]

    @property
    def findings(self) -> list[Finding]:
        """Return all that is not as declared."""
        return [finding for each in self.families.values() for finding in each.findings]


Elsewhere = Callable[[Town, Family], FamilyProof | None]
"""Brings the proof of one family that was made elsewhere, None where there is none. Families need not each other."""


def prove(town: Town, extra: Iterable[Match] = (), elsewhere: Elsewhere = lambda _town, _family: None) -> Proof:
    """Prove a town, or find what is wrong; spaces are cut by `extra` too, for whoever asks more of them later.

    `elsewhere` may have proved a family of this very town, cut by the same. Raise TooComplexError when the rules tell
    too many packets apart.
    """
    wanted = tuple(extra)
    return Proof(town, {family: elsewhere(town, family) or prove_family(town, family, wanted) for family in FAMILIES})


def link_needs(space: Space) -> PacketSet:
    """Return neighbour and listener discovery: what machines on one link must say to each other in IPv6."""
    return box(space, services=LINK) if space.family == 6 else nothing(space)  # noqa: PLR2004


def prove_family(town: Town, family: Family, extra: tuple[Match, ...]) -> FamilyProof:
    """Prove a town for the packets of one family."""
    flows = declared(town.city, family)
    openings = (Match(services=opening(services)) for services in dict.fromkeys(each.match.services for each in flows))
    matches = [*(each.match for each in flows), *openings, Match(services=LINK), Match(services=UNTRACKED), *extra]
    space = town_space(town, family, matches)
    untracked = box(space, services=UNTRACKED)
    tracked = box(space) - untracked - box(space, source=martians(family))
    reached = reach(town, tracked)
    judge = _Judge(town, space, reached, flows)
    again = partial(reach, town, beside=reached)
    strays = [
        again(tracked, Tracking(State.INVALID)),
        again(untracked & judge.link, Tracking(State.UNTRACKED), beyond_links=True),
        again(untracked - judge.link, Tracking(State.UNTRACKED)),
    ]
    findings = [*judge.more(), *judge.less(), *judge.half_open(), *judge.stray(strays)]
    if any(device.firewall.leaves_open("helper") for device in town.devices.values()):
        findings += judge.related(again(tracked, Tracking(State.RELATED, Direction.ORIGINAL)))
    return FamilyProof(family, space, reached, tuple(flows), tuple(findings))


class _Judge:
    """Compares what arrives with what is declared."""

    def __init__(self, town: Town, space: Space, reached: Reach, flows: list[Declared]) -> None:
        self.town, self.space, self.reached = town, space, reached
        self.flows = [(each, matched(space, each.match)) for each in flows]
        self.link, self.none = link_needs(space), nothing(space)

    def more(self) -> Iterator[Finding]:
        """Yield what arrives undeclared."""
        allowed: dict[str, list[PacketSet]] = {}
        for each, packets in self.flows:
            allowed.setdefault(each.start, []).append(packets)
        declared_at = {start: united(self.space, sets) for start, sets in allowed.items()}
        for arrival in self.reached.arrivals:
            extra = arrival.packets - declared_at.get(arrival.start, self.none)
            yield from self._findings(Sort.MORE, arrival, extra - arrival.doubtful)
            yield from self._findings(Sort.UNKNOWN, arrival, extra & arrival.doubtful)

    def less(self) -> Iterator[Finding]:
        """Yield what a flow declares and does not arrive, or not surely."""
        arrived, sure = self._whole, self._arrived(lambda each: each.packets - each.doubtful)
        for each, packets in self._enforced():
            wanted = packets & box(self.space, services=opening(each.match.services))
            missing = wanted - arrived.get(each.start, self.none)
            unsure = wanted - missing - sure.get(each.start, self.none)
            for sort, some in ((Sort.LESS, missing), (Sort.UNKNOWN, unsure)):
                if some:
                    yield Finding(sort, self.space.family, each.start, each.end, some, flows=(each.flow,))

    def half_open(self) -> Iterator[Finding]:
        """Yield the declared packets that arrive and whose answers do not come back."""
        returning = Returning(self.town, self.reached.machines, self.reached.arrivals)
        answers = {id(each): returning.of(each) for each in self.reached.arrivals}
        sure = self._arrived(lambda each: answers[id(each)].sure)
        back = self._arrived(lambda each: answers[id(each)].possible)
        there = self._whole
        for each, packets in self._enforced():
            wanted = packets & box(self.space, services=opening(each.match.services))
            arrived = wanted & there.get(each.start, self.none)
            silent = arrived - back.get(each.start, self.none)
            unsure = arrived - silent - sure.get(each.start, self.none)
            for sort, some in ((Sort.HALF_OPEN, silent), (Sort.UNKNOWN, unsure)):
                if some:
                    yield Finding(sort, self.space.family, each.start, each.end, some, flows=(each.flow,))

    def related(self, related: Reach) -> Iterator[Finding]:
        """Yield what may arrive because a helper reads it out of a connection, and no flow declares."""
        allowed: dict[str, list[PacketSet]] = {}
        for each, packets in self.flows:
            allowed.setdefault(each.start, []).append(packets)
        for arrival in related.arrivals:
            if any(crossing.device.firewall.leaves_open("helper") for crossing in arrival.crossings):
                extra = arrival.packets - united(self.space, allowed.get(arrival.start, ()))
                yield from self._findings(Sort.UNKNOWN, arrival, extra)

    def stray(self, strays: Iterable[Reach]) -> Iterator[Finding]:
        """Yield the packets of no connection that arrive, but for what links need."""
        for arrival in (arrival for each in strays for arrival in each.arrivals):
            extra = arrival.packets - self.link if on_the_link(arrival.crossings) else arrival.packets
            yield from self._findings(Sort.STRAY, arrival, extra - arrival.doubtful)
            yield from self._findings(Sort.UNKNOWN, arrival, extra & arrival.doubtful)

    def _enforced(self) -> Iterator[tuple[Declared, PacketSet]]:
        """Yield where flows start, but for those between devices of one segment: no firewall stands there."""
        return ((each, packets) for each, packets in self.flows if each.first and each.start != each.end)

    def _arrived(self, part: Callable[[Arrival], PacketSet]) -> dict[str, PacketSet]:
        """Return a part of what arrives, by start: what all of it is, where that is so of each arrival."""
        found: dict[str, PacketSet] = {}
        for start, arrivals in self._by_start.items():
            parts = [part(each) for each in arrivals]
            whole = all(one is each.packets for one, each in zip(parts, arrivals, strict=True))
            found[start] = self._whole[start] if whole else united(self.space, parts)
        return found

    @cached_property
    def _by_start(self) -> dict[str, list[Arrival]]:
        found: dict[str, list[Arrival]] = {}
        for arrival in self.reached.arrivals:
            found.setdefault(arrival.start, []).append(arrival)
        return found

    @cached_property
    def _whole(self) -> dict[str, PacketSet]:
        """Return all that arrives, by start."""
        return {
            start: united(self.space, [each.packets for each in arrivals]) for start, arrivals in self._by_start.items()
        }

    def _findings(self, sort: Sort, arrival: Arrival, packets: PacketSet) -> Iterator[Finding]:
        if packets:
            yield Finding(sort, self.space.family, arrival.start, arrival.end, packets, arrival.crossings)
