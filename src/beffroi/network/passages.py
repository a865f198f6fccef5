"""Where a machine lets packets go: worked out once for all that may be sent, then cut down to what is. Pure.

What becomes of a packet in a machine does not depend on where it came from before, but for the interface that it enters
by: of the thousands of machines whose packets a gateway forwards, none is worth another evaluation of its rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from .crossing import Crossing, Machines, Stage, crossed
from .intervals import Intervals
from .packets import PacketSet, box
from .town import Device, Exit, never_forwarded


@dataclass(frozen=True)
class Way:
    """Packets that a machine lets go by an exit, or takes itself (None), and how they crossed it."""

    exit: Exit | None
    stage: Stage
    crossing: Crossing

    @cached_property
    def majors(self) -> int:
        """Return the major classes of the packets, a bit for each."""
        return self.stage.sent.majors


class Passages:
    """What every machine does with packets that begin as `begun`; towns that share machines may share it."""

    def __init__(self, machines: Machines, begun: Stage) -> None:
        self._machines, self.begun = machines, begun
        self._sent: dict[Device, list[Way]] = {}
        self._known: dict[tuple[Device, str], list[Way]] = {}
        self._forwardable: dict[Device, list[tuple[Exit, PacketSet]]] = {}
        self._towards: dict[Intervals, Stage] = {}

    def __reduce__(self) -> tuple[type[Passages], tuple[Machines, Stage]]:
        """Leave out what was worked out, where a proof goes to another process."""
        return Passages, (self._machines, self.begun)

    def sent(self, device: Device) -> list[Way]:
        """Return where packets go that a machine sends itself."""
        if device not in self._sent:
            self._sent[device] = list(self._out_of(device))
        return self._sent[device]

    def _out_of(self, device: Device) -> Iterator[Way]:
        """Yield the same, evaluating its rules."""
        for exit_ in device.exits[self._machines.space.family]:
            begun, ways = self.begun, ("", exit_.interface)
            for chosen in self._machines.passed(device, "output", self._begun_towards(exit_), *ways):
                if chosen.astray:
                    yield _lost(device, ways, chosen)
                else:
                    yield from self._left(device, exit_, (begun, chosen), ways)

    def entered(self, device: Device, entry: str, stage: Stage) -> Iterator[Way]:
        """Yield where packets go that enter a machine by an interface."""
        if (stage.rewriting, stage.tracking) != (self.begun.rewriting, self.begun.tracking):
            yield from self._through(device, entry, stage)
            return
        if (device, entry) not in self._known:
            self._known[device, entry] = list(self._through(device, entry, self.begun))
        majors = stage.sent.majors
        for way in self._known[device, entry]:
            if majors & way.majors and (part := _both(way.stage, stage)).sent:
                yield Way(way.exit, part, way.crossing)

    def _through(self, device: Device, entry: str, stage: Stage) -> Iterator[Way]:
        """Yield where packets go that enter, evaluating the rules."""
        local = box(self._machines.space, destination=device.local(self._machines.space.family))
        for inside in self._machines.passed(device, "prerouting", stage, entry):
            if inside.astray:
                yield _lost(device, (entry, ""), inside)
                continue
            for taken in self._machines.passed(device, "input", inside.only(local), entry):
                crossing = crossed(device, (entry, ""), (stage, inside, taken))
                yield _lost(device, (entry, ""), taken) if taken.astray else Way(None, taken, crossing)
            if device.forwards:
                yield from self._forwarded(device, entry, (stage, inside))

    def _forwarded(self, device: Device, entry: str, stages: tuple[Stage, Stage]) -> Iterator[Way]:
        before, inside = stages
        majors = inside.header().majors
        for exit_, foreign_there in self._foreign(device):
            if not majors & foreign_there.majors:
                continue
            foreign = inside.only(foreign_there)
            ways = (entry, exit_.interface)
            for chosen in self._machines.passed(device, "forward", foreign, *ways):
                if chosen.astray:
                    yield _lost(device, ways, chosen)
                else:
                    yield from self._left(device, exit_, (before, chosen), ways)

    def _foreign(self, device: Device) -> list[tuple[Exit, PacketSet]]:
        """Return what rules may let a machine forward by each exit: neither its own nor what no kernel forwards."""
        if device not in self._forwardable:
            space = self._machines.space
            own = box(space, destination=device.own(space.family))
            never = box(space, source=never_forwarded(space.family))
            self._forwardable[device] = [
                (exit_, box(space, destination=exit_.destinations) - own - never)
                for exit_ in device.exits[space.family]
            ]
        return self._forwardable[device]

    def _left(self, device: Device, exit_: Exit, stages: tuple[Stage, Stage], ways: tuple[str, str]) -> Iterator[Way]:
        for left in self._machines.passed(device, "postrouting", stages[1], *ways):
            crossing = crossed(device, ways, (*stages, left))
            yield _lost(device, ways, left) if left.astray else Way(exit_, left, crossing)

    def _begun_towards(self, exit_: Exit) -> Stage:
        """Return what begins and a route takes: machines of one segment have the same routes, mostly."""
        wanted = exit_.destinations
        if wanted not in self._towards:
            self._towards[wanted] = self.begun.only(box(self._machines.space, destination=wanted))
        return self._towards[wanted]


def _lost(device: Device, ways: tuple[str, str], stage: Stage) -> Way:
    """Return packets that were last seen in a machine, for they went astray there."""
    return Way(None, stage, crossed(device, ways, (stage, stage, stage)))


def _both(way: Stage, stage: Stage) -> Stage:
    """Return the part of what goes a way that is in a stage, with the doubts of both."""
    sent = way.sent & stage.sent
    limited, doubtful = _either(way.limited, stage.limited, sent), _either(way.doubtful, stage.doubtful, sent)
    return Stage(sent, limited, doubtful, way.rewriting, way.tracking, way.astray)


def _either(one: PacketSet, other: PacketSet, within: PacketSet) -> PacketSet:
    if not (one and other):
        return (one or other) & within
    return (one | other) & within
