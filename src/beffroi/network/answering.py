"""Which answers come back, by the machines that their packets crossed. Pure.

Whether the answer of a packet passes a machine is the same for all that crossed it alike, wherever they came from: it
is computed once, for all of them together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from beffroi.city import INTERNET

from .crossing import Answers, Crossing, Machines
from .packets import PacketSet, box, nothing, united
from .reach import Arrival
from .rewriting import pulled
from .town import Device, Exit, Town


class _Pass(NamedTuple):
    """A machine crossed, where it led to, and the machines crossed next to it where others may bridge a segment."""

    crossing: Crossing
    onward: str
    after: Device | None
    before: Device | None


class _Passed(NamedTuple):
    """The packets whose answers may pass a machine, and those among them of which it is not sure.

    `surely_all`: the answers of whatever crosses it alike surely pass, as is so on nearly every path of a town.
    """

    possible: PacketSet
    unsure: PacketSet
    surely_all: bool


class Returning:
    """Follows the answers of arrivals, back through the machines that they crossed."""

    def __init__(self, town: Town, machines: Machines, arrivals: Iterable[Arrival]) -> None:
        self._town, self._machines = town, machines
        self._sent: dict[_Pass, list[PacketSet]] = {}
        self._crossed: dict[Crossing, list[PacketSet]] = {}
        self._known: dict[_Pass, _Passed] = {}
        self._surely: dict[Crossing, bool] = {}
        self._homeward: dict[tuple[str, str, tuple[Exit, ...]], PacketSet] = {}
        for arrival in arrivals:
            for each in _passes(town, arrival):
                self._sent.setdefault(each, []).append(arrival.packets)
                self._crossed.setdefault(each.crossing, []).append(arrival.packets)

    def of(self, arrival: Arrival) -> Answers:
        """Return the packets of an arrival whose answers come back: by the same machines, through all of them."""
        sent, unsure = arrival.packets, []
        if arrival.astray:
            return Answers(nothing(sent.space), sent)
        for each in _passes(self._town, arrival):
            passed = self._passed(each)
            if not passed.surely_all:
                sent = sent & passed.possible
                unsure.append(sent & passed.unsure)
        home = _comes_home(self._town, sent, arrival)
        if home is not sent and sent <= home:
            home = sent  # the very same set, as whoever looks at all answers sees at once
        return Answers(home - united(sent.space, unsure) if unsure else home, home)

    def _passed(self, each: _Pass) -> _Passed:
        """Return, of all that crossed a machine alike, the packets whose answers pass it on their way back."""
        if each not in self._known:
            sent = united(self._machines.space, self._sent[each])
            homeward = self._back(each)
            back = sent if homeward is None else pulled(sent, each.crossing.after, homeward)
            unsure = self._bridged(each, back)
            if not self._all_pass(each.crossing):
                passed = self._machines.answered(each.crossing, back)
                unsure = (passed.possible - passed.sure) | unsure
                back = passed.possible
            self._known[each] = _Passed(back, unsure, not unsure and (back is sent or sent <= back))
        return self._known[each]

    def _all_pass(self, crossing: Crossing) -> bool:
        """Tell whether the answers of all that crossed a machine alike surely pass its rules, wherever it went then."""
        if crossing not in self._surely:
            sent = united(self._machines.space, self._crossed[crossing])
            passed = self._machines.answered(crossing, sent)
            self._surely[crossing] = sent <= passed.sure
        return self._surely[crossing]

    def _back(self, each: _Pass) -> PacketSet | None:
        """Return the packets whose answer, where the crossing led to, goes back to the machine crossed (None: all)."""
        crossing, onward, space = each.crossing, each.onward, self._machines.space
        if not crossing.exit or onward == INTERNET:
            return None
        own = crossing.device.own(space.family)
        if onward in self._town.devices:
            # Machines of one segment have the same routes, mostly.
            key = crossing.device.name, crossing.exit, self._town.devices[onward].exits[space.family]
            if key not in self._homeward:
                self._homeward[key] = self._routed(crossing, key[2])
            return self._homeward[key]
        if self._town.gateway(onward) == crossing.device.name:
            return None
        return box(space, source=own)

    def _routed(self, crossing: Crossing, routes: Iterable[Exit]) -> PacketSet:
        """Return the packets whose answer some routes lead to the machine crossed."""
        space, own = self._machines.space, crossing.device.own(self._machines.space.family)
        exits = [it for it in routes if it.interface == crossing.exit]
        back = [box(space, source=it.destinations) for it in exits if it.via == crossing.device.name]
        near = [box(space, source=it.destinations) & box(space, source=own) for it in exits if it.via is None]
        return united(space, [*back, *near])

    def _bridged(self, each: _Pass, sent: PacketSet) -> PacketSet:
        """Return the packets whose answers a machine that bridges a segment beside a crossing may drop."""
        crossing, found = each.crossing, []
        for segment, seen, beyond in (
            (crossing.exit, crossing.after, each.after),
            (crossing.entry, crossing.before, each.before),
        ):
            beside = [it for it in self._town.bridges(segment) if it not in {crossing.device, beyond}]
            found += [self._machines.across(bridge, sent, seen, answering=True)[0] for bridge in beside]
        return united(self._machines.space, found)


def _passes(town: Town, arrival: Arrival) -> Iterator[_Pass]:
    """Yield the machines that an arrival crossed, the last one first."""
    crossings = arrival.crossings
    onward = arrival.end
    for at in range(len(crossings) - 1, -1, -1):
        crossing = crossings[at]
        after = crossings[at + 1].device if at + 1 < len(crossings) and town.bridges(crossing.exit) else None
        before = crossings[at - 1].device if at and town.bridges(crossing.entry) else None
        yield _Pass(crossing, onward, after, before)
        onward = crossing.device.name


def _comes_home(town: Town, sent: PacketSet, arrival: Arrival) -> PacketSet:
    """Return the packets whose answer leaves the first machine towards where they were sent from."""
    if arrival.start in town.devices:
        return sent
    space, first = sent.space, arrival.crossings[0]
    exits = [each for each in first.device.exits[space.family] if each.interface == arrival.start]
    homes = [box(space, source=each.destinations) for each in exits if not each.via]
    return pulled(sent, first.before, united(space, homes))
