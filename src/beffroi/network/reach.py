"""Which packets get from where to where: along every path through the town's machines, and their answers back. Pure.

A packet starts at a place: on a segment, where anybody may send anything from any address to any machine there, or in a
machine, which sends through its own firewall. It ends in a machine that takes it, or on a segment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from beffroi.city import INTERNET

from .crossing import STATEFUL, TRACKING_BEGINS, Answers, Crossing, Machines, Stage, begun
from .firewall import ACROSS, Direction, Family, Firewall, Match, State, Tracking, Verb
from .intervals import Intervals
from .packets import PacketSet, box, nothing, united
from .rewriting import UNCHANGED, Rewriting, image, pulled
from .services import ANY_SERVICE
from .space import Space, matches_of, space_of
from .town import Device, Exit, Town, never_forwarded

NEW = Tracking(State.NEW, Direction.ORIGINAL)


@dataclass(frozen=True)
class Arrival:
    """Packets that got from one place to another by one path, as they were sent.

    `start` and `end` name a segment or a machine. `limited` got through up to a rate, `doubtful` only perhaps: both are
    part of `packets`. `crossings` are the machines on the way. Those `astray` were last seen in the machine `end`, and
    may have become anything there.
    """

    start: str
    end: str
    packets: PacketSet
    limited: PacketSet
    doubtful: PacketSet
    crossings: tuple[Crossing, ...]
    became: Rewriting
    astray: bool = False


@dataclass(frozen=True)
class Reach:
    """All the arrivals of one family, for packets tracked in one way."""

    space: Space
    machines: Machines
    arrivals: tuple[Arrival, ...]

    def between(self, start: str, end: str) -> PacketSet:
        """Return what gets, perhaps, from one place to another."""
        return united(self.space, (each.packets for each in self.arrivals if (each.start, each.end) == (start, end)))


def town_matches(town: Town, family: Family) -> list[Match]:
    """Return all that the town's firewalls and routes tell apart."""
    firewalls = [device.firewall for device in town.devices.values()]
    matches = [Match(services=STATEFUL), *town.matches(family)]
    for firewall in firewalls:
        matches += matches_of(firewall, tracked=_tracks_all(firewall))
    for rewriting in (each for device in town.devices.values() for each in _rewritings(device, family)):
        services = dict.fromkeys(match.services for match in matches)
        matches += [Match(services=rewriting.before(each)) for each in services if each != ANY_SERVICE]
        matches += rewriting.matches()
    return matches


def _tracks_all(firewall: Firewall) -> bool:
    """Tell whether every answer that meets a rule on established packets is one: nothing is left untracked.

    Before conntrack no packet is established, so a chain there that asks for states, or jumps, spoils it.
    """
    chains = [chain for table in firewall.tables for chain in table.chains.values()]
    early = [chain for chain in chains if chain.hook is not None and chain.hook.priority < TRACKING_BEGINS]
    cases = [case for chain in chains for rule in chain.rules for case in rule.cases]
    before = [case for chain in early for rule in chain.rules for case in rule.cases]
    return all(case.verdict.verb is not Verb.NOTRACK for case in cases) and all(
        case.match.states is None and not case.verdict.chain for case in before
    )


def town_space(town: Town, family: Family, extra: Iterable[Match] = ()) -> Space:
    """Cut a space by all that the town, and the matches of `extra`, tell apart."""
    return space_of(family, dict.fromkeys([*town_matches(town, family), *extra]), by_source=False)


def reach(town: Town, packets: PacketSet, tracking: Tracking = NEW) -> Reach:
    """Follow `packets`, tracked in one way, from every place to wherever they get."""
    space = packets.space
    walk = _Walk(town, Machines(space), begun(packets, tracking))
    for start in [*town.segments, *town.devices]:
        walk.start(start)
    return Reach(space, walk.machines, tuple(walk.arrivals))


def answered(town: Town, reached: Reach, arrival: Arrival) -> Answers:
    """Return the packets of an arrival whose answers come back: by the same machines, through all of them."""
    sent, onward, unsure = arrival.packets, arrival.end, nothing(reached.space)
    if arrival.astray:
        return Answers(unsure, sent)
    for at, crossing in reversed(list(enumerate(arrival.crossings))):
        back = _returns(town, sent, crossing, onward)
        passed = reached.machines.answered(crossing, back)
        unsure = unsure | (passed.possible - passed.sure) | _bridged_back(town, reached.machines, arrival, at, back)
        sent, onward = passed.possible, crossing.device.name
    home = _comes_home(town, sent, arrival)
    return Answers(home - unsure, home)


def _bridged_back(town: Town, machines: Machines, arrival: Arrival, at: int, sent: PacketSet) -> PacketSet:
    """Return the packets whose answers a machine that bridges a segment beside a crossing may drop."""
    crossing, found = arrival.crossings[at], []
    for segment, seen, near in ((crossing.exit, crossing.after, at + 1), (crossing.entry, crossing.before, at - 1)):
        other = [each.device for each in arrival.crossings[max(near, 0) : near + 1]]
        bridges = _bridges(town, segment, crossing.device, *other)
        found += [machines.across(bridge, sent, seen, answering=True)[0] for bridge in bridges]
    return united(machines.space, found)


def _bridges(town: Town, segment: str, *ends: Device) -> Iterator[Device]:
    """Yield the machines that may pass frames from port to port of a segment, and have rules about that."""
    for device in town.on(segment) if segment else ():
        if device not in ends and any(device.firewall.hooked(ACROSS, family) for family in (4, 6)):
            yield device


@dataclass
class _Walk:
    """Packets on their way, and those that have arrived."""

    town: Town
    machines: Machines
    begun: Stage

    def __post_init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self.origin = ""

    def start(self, start: str) -> None:
        """Send every packet from one place."""
        self.origin = start
        stage = self.begun
        if start in self.town.segments:
            for device in self.town.on(start):
                self._enter(device, start, stage, ())
            return
        device = self.town.devices[start]
        for exit_ in device.exits[self.machines.space.family]:
            self._send(device, exit_, stage)

    def _send(self, device: Device, exit_: Exit, stage: Stage) -> None:
        ways = ("", exit_.interface)
        for chosen in self._passed(device, "output", self._towards(stage, exit_), ways):
            for left in self._passed(device, "postrouting", chosen, ways):
                path = (_crossing(device, ("", exit_.interface), (stage, chosen, left)),)
                self._deliver(exit_, left, path)

    def _enter(self, device: Device, entry: str, stage: Stage, path: tuple[Crossing, ...]) -> None:
        """Bring packets to a machine; one that they have crossed already is not crossed again."""
        if any(crossing.device is device for crossing in path):
            return
        space = self.machines.space
        own = box(space, destination=device.local(space.family))
        stage = self._over(entry, stage, path, device)
        for inside in self._passed(device, "prerouting", stage, (entry, ""), path):
            for taken in self._passed(device, "input", inside.only(_header(inside) & own), (entry, ""), path):
                crossing = _crossing(device, (entry, ""), (stage, inside, taken))
                self._arrive(device.name, taken, (*path, crossing))
            if device.forwards:
                self._forward(device, entry, (stage, inside), path)

    def _forward(self, device: Device, entry: str, stages: tuple[Stage, Stage], path: tuple[Crossing, ...]) -> None:
        before, inside = stages
        space = self.machines.space
        own = box(space, destination=device.own(space.family)) | box(space, source=never_forwarded(space.family))
        for exit_ in device.exits[self.machines.space.family]:
            towards = self._towards(inside, exit_)
            foreign = towards.only(_header(towards) - own)
            for chosen in self._passed(device, "forward", foreign, (entry, exit_.interface), path):
                for left in self._passed(device, "postrouting", chosen, (entry, exit_.interface), path):
                    crossing = _crossing(device, (entry, exit_.interface), (before, chosen, left))
                    self._deliver(exit_, left, (*path, crossing))

    def _deliver(self, exit_: Exit, stage: Stage, path: tuple[Crossing, ...]) -> None:
        """Hand packets over a segment: to the next gateway, to a machine there, or to whoever else has the address."""
        if exit_.via:
            self._enter(self.town.devices[exit_.via], exit_.interface, stage, path)
            return
        left = stage
        if exit_.via is None:
            space = self.machines.space
            for device in self.town.on(exit_.interface):
                own = image(left.sent, left.rewriting) & box(space, destination=device.own(space.family))
                self._enter(device, exit_.interface, left.only(own), path)
                left = left.without(pulled(left.sent, left.rewriting, own))
        self._arrive(exit_.interface, self._over(exit_.interface, left, path), path)

    def _passed(
        self, device: Device, hook: str, stage: Stage, ways: tuple[str, str], path: tuple[Crossing, ...] = ()
    ) -> Iterator[Stage]:
        """Yield what passes a hook; what goes astray there ends there."""
        for passed in self.machines.passed(device, hook, stage, *ways):
            if passed.astray:
                self._arrive(device.name, passed, (*path, _crossing(device, ways, (stage, stage, stage))))
            else:
                yield passed

    def _over(self, segment: str, stage: Stage, path: tuple[Crossing, ...], *ends: Device) -> Stage:
        """Carry packets over a segment that machines beside the path may bridge: what they may drop is doubtful."""
        senders = [crossing.device for crossing in path[-1:]]
        for bridge in _bridges(self.town, segment, *ends, *senders):
            dropped, astray = self.machines.across(bridge, stage.sent, stage.rewriting)
            stage = replace(stage, doubtful=stage.doubtful | dropped)
            lost = replace(stage.only(image(astray, stage.rewriting)), astray=True)
            here = _crossing(bridge, (segment, ""), (stage, stage, stage))
            self._arrive(bridge.name, replace(lost, doubtful=lost.sent), (*path, here))
        return stage

    def _arrive(self, end: str, stage: Stage, path: tuple[Crossing, ...]) -> None:
        if stage.sent:
            self.arrivals.append(
                Arrival(
                    self.origin, end, stage.sent, stage.limited, stage.doubtful, path, stage.rewriting, stage.astray
                )
            )

    def _towards(self, stage: Stage, exit_: Exit) -> Stage:
        return stage.only(_header(stage) & box(self.machines.space, destination=exit_.destinations))


def _header(stage: Stage) -> PacketSet:
    return image(stage.sent, stage.rewriting)


def _crossing(device: Device, sides: tuple[str, str], stages: tuple[Stage, Stage, Stage]) -> Crossing:
    before, inside, after = (stage.rewriting for stage in stages)
    return Crossing(device, *sides, before, inside, after, tracked=stages[2].tracking.state is not State.UNTRACKED)


def _returns(town: Town, sent: PacketSet, crossing: Crossing, onward: str) -> PacketSet:
    """Return the packets whose answer, at the place that the crossing led to, goes back to the machine crossed."""
    if not crossing.exit or onward == INTERNET:
        return sent
    space, own = sent.space, crossing.device.own(sent.space.family)
    if onward in town.devices:
        exits = [each for each in town.devices[onward].exits[space.family] if each.interface == crossing.exit]
        back = [box(space, source=each.destinations) for each in exits if each.via == crossing.device.name]
        near = [box(space, source=each.destinations) & box(space, source=own) for each in exits if each.via is None]
        return pulled(sent, crossing.after, united(space, [*back, *near]))
    if town.gateway(onward) == crossing.device.name:
        return sent
    return pulled(sent, crossing.after, box(space, source=own))


def _comes_home(town: Town, sent: PacketSet, arrival: Arrival) -> PacketSet:
    """Return the packets whose answer leaves the first machine towards where they were sent from."""
    if arrival.start in town.devices:
        return sent
    space, first = sent.space, arrival.crossings[0]
    exits = [each for each in first.device.exits[space.family] if each.interface == arrival.start]
    homes = [box(space, source=each.destinations) for each in exits if not each.via]
    return pulled(sent, first.before, united(space, homes))


def _rewritings(device: Device, family: Family) -> Iterator[Rewriting]:
    """Yield every rewriting that one of the machine's nat rules may make."""
    for table in device.firewall.tables:
        for chain in table.chains.values():
            for case in (case for rule in chain.rules for case in rule.cases):
                translation = case.verdict.translation
                if translation is None or family not in case.match.families:
                    continue
                for own in _own_addresses(device, family) if translation.own else ((),):
                    yield UNCHANGED.then(translation, own)


def _own_addresses(device: Device, family: Family) -> Iterator[Intervals]:
    yield device.own(family)
    yield from (((each[family], each[family]),) for each in device.addresses.values())
