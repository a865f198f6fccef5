"""What a change opens and closes: two towns compared by the packets that get through, not by their words. Pure.

Both are followed in one space, cut by what either tells apart, so the difference is exact; a refactoring that changes
nothing has none, and that is proved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address
from typing import Literal

from beffroi.city import INTERNET, City, Segment

from .crossing import Crossing
from .firewall import Family, Firewall, Match
from .packets import PacketSet, box, nothing
from .proof import UNTRACKED
from .reach import Arrival, Reach, reach, town_matches, town_space
from .town import FAMILIES, Device, Town, martians

__all__ = ["Alike", "Change", "alike", "changes", "compare", "sharing"]


@dataclass(frozen=True)
class Change:
    """Packets that get from `start` to `end` after the change alone (opened) or before it alone (closed).

    `doubtful` ones may be no change at all: something about them is not modelled. `crossings` are the machines of one
    path that they take, in the town that lets them through.
    """

    sort: Literal["opened", "closed"]
    family: Family
    start: str
    end: str
    packets: PacketSet
    doubtful: bool
    crossings: tuple[Crossing, ...]


@dataclass(frozen=True)
class Alike:
    """One change, and the other places from where the very same packets are opened or closed.

    Nothing authenticates a source address on a link: what a segment may send can be sent by whoever stands on the way.
    The change kept is the one from where the source lives.
    """

    change: Change
    elsewhere: tuple[str, ...]


def alike(city: City, changes: Iterable[Change]) -> list[Alike]:
    """Put together the changes of the same packets to the same place, in their order."""
    groups: list[list[Change]] = []
    for change in changes:
        known = next((group for group in groups if _same(group[0], change)), None)
        if known is None:
            groups.append([change])
        else:
            known.append(change)
    return [_put_together(city, group) for group in groups]


def _same(one: Change, other: Change) -> bool:
    about = ("sort", "family", "end", "doubtful", "packets")
    return all(getattr(one, name) == getattr(other, name) for name in about)


def _put_together(city: City, group: list[Change]) -> Alike:
    kept = next((each for each in group if _lives_there(city, each)), group[0])
    return Alike(kept, tuple(each.start for each in group if each is not kept))


def _lives_there(city: City, change: Change) -> bool:
    """Tell whether the witness comes from where its source lives; on the internet does what lives on no segment."""
    witness = change.packets.witness()
    if witness is None or change.start not in city.segments:
        return witness is not None
    if change.start == INTERNET:
        return not any(_holds(each, change.family, witness.source) for each in city.inner_segments().values())
    return _holds(city.segments[change.start], change.family, witness.source)


def _holds(segment: Segment, family: Family, address: int) -> bool:
    if family == 4:  # noqa: PLR2004 - the families are called by their number
        return IPv4Address(address) in segment.ipv4
    return IPv6Address(address) in segment.ipv6


Elsewhere = Callable[[Town, Town, Family], Sequence[Change] | None]
"""Brings the changes of one family that were found elsewhere, None where none were. Families need not each other."""


def compare(old: Town, new: Town, elsewhere: Elsewhere = lambda *_: None) -> list[Change]:
    """Return all that the change opens and closes, from every place to every other; raise TooComplexError.

    `elsewhere` may have compared these very towns for a family.
    """
    shared = sharing(old, new)
    if shared.devices == old.devices:  # the same rules on the same machines: nothing needs to be followed
        return []
    found: list[Change] = []
    for family in FAMILIES:
        brought = elsewhere(old, new, family)
        found += changes(old, shared, family) if brought is None else brought
    return found


def sharing(old: Town, new: Town) -> Town:
    """Return `new` with the machines of `old` wherever they are the same: rules, addresses and routes."""
    return replace(new, devices={name: _kept(old.devices.get(name), each) for name, each in new.devices.items()})


def _kept(before: Device | None, after: Device) -> Device:
    return before if before is not None and _shape(before) == _shape(after) else after


def changes(old: Town, new: Town, family: Family) -> Iterator[Change]:
    """Yield what the change opens and closes for packets of one family; machines that both share are followed once."""
    space = town_space(new, family, [*town_matches(old, family), Match(services=UNTRACKED)])
    packets = box(space) - box(space, source=martians(family)) - box(space, services=UNTRACKED)
    before = reach(old, packets)
    after = reach(new, packets, beside=before)
    for sort, one, other in _both_ways(before, after):
        known = _by_ends(other.arrivals)
        for arrival in one.arrivals:
            there = known.get((arrival.start, arrival.end), [])
            possible, sure = nothing(space), nothing(space)
            for each in there:
                possible, sure = possible | each.packets, sure | (each.packets - each.doubtful)
            certain = (arrival.packets - arrival.doubtful) - possible
            perhaps = (arrival.packets - sure) - certain
            for some, doubtful in ((certain, False), (perhaps, True)):
                if some:
                    yield Change(sort, family, arrival.start, arrival.end, some, doubtful, arrival.crossings)


def _both_ways(before: Reach, after: Reach) -> Iterator[tuple[Literal["opened", "closed"], Reach, Reach]]:
    yield "opened", after, before
    yield "closed", before, after


def _by_ends(arrivals: Iterable[Arrival]) -> dict[tuple[str, str], list[Arrival]]:
    found: dict[tuple[str, str], list[Arrival]] = {}
    for arrival in arrivals:
        found.setdefault((arrival.start, arrival.end), []).append(arrival)
    return found


def _shape(device: Device) -> tuple[Firewall, bool, object, object]:
    return device.firewall, device.forwards, dict(device.addresses), dict(device.exits)
