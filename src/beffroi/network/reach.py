"""Which packets get from where to where: along every path through the town's machines, and their answers back. Pure.

A packet starts at a place: on a segment, where anybody may send anything from any address to any machine there, or in a
machine, which sends through its own firewall. It ends in a machine that takes it, or on a segment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from .crossing import STATEFUL, TRACKING_BEGINS, Crossing, Machines, Stage, begun, crossed
from .firewall import Direction, Family, Firewall, Match, State, Tracking, Verb
from .intervals import Intervals
from .packets import PacketSet, box, united
from .passages import Passages, Way
from .rewriting import UNCHANGED, Rewriting, image
from .services import ANY_SERVICE
from .space import Space, matches_of, space_of
from .town import Device, Exit, Town

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
    """All the arrivals of one family, for packets tracked in one way, and what every machine did with them."""

    space: Space
    machines: Machines
    arrivals: tuple[Arrival, ...]
    passages: Passages = field(compare=False, repr=False)

    def between(self, start: str, end: str) -> PacketSet:
        """Return what gets, perhaps, from one place to another."""
        return united(self.space, (each.packets for each in self.arrivals if (each.start, each.end) == (start, end)))


def on_the_link(crossings: Iterable[Crossing]) -> bool:
    """Tell whether no machine on a path forwarded the packets."""
    return not any(crossing.entry and crossing.exit for crossing in crossings)


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


def reach(
    town: Town,
    packets: PacketSet,
    tracking: Tracking = NEW,
    *,
    beyond_links: bool = False,
    beside: Reach | None = None,
) -> Reach:
    """Follow `packets`, tracked in one way, from every place to wherever they get.

    With `beyond_links`, what arrives on the link where it was sent, forwarded by no machine, is not followed.
    What machines do is not worked out again where `beside` tells it: other packets of the same space, followed in this
    town or in one that shares machines with it.
    """
    space, beginning = packets.space, begun(packets, tracking)
    walk = Walk(town, beside.machines if beside else Machines(space), beginning, beyond_links)
    if beside and beside.passages.begun == beginning:
        walk.passages = beside.passages
    for start in [*town.segments, *town.devices] if packets else ():
        walk.start(start)
    return Reach(space, walk.machines, tuple(walk.arrivals), walk.passages)


@dataclass
class Walk:
    """Packets on their way, and those that have arrived."""

    town: Town
    machines: Machines
    begun: Stage
    beyond_links: bool = False

    def __post_init__(self) -> None:
        self.arrivals: list[Arrival] = []
        self._origin = ""
        self.passages = Passages(self.machines, self.begun)
        self._holders: dict[str, list[tuple[Device, int, PacketSet]]] = {}

    def start(self, start: str) -> None:
        """Send every packet from one place."""
        self._origin = start
        if start in self.town.segments:
            for device in self.town.on(start):
                self._enter(device, start, self.begun, ())
            return
        device = self.town.devices[start]
        for way in self.passages.sent(device):
            self._go(device, way, ())

    def _enter(self, device: Device, entry: str, stage: Stage, path: tuple[Crossing, ...]) -> None:
        """Bring packets to a machine; one that they have crossed already is not crossed again."""
        if any(crossing.device is device for crossing in path):
            return
        if self._stays(device, path):
            return
        for way in self.passages.entered(device, entry, self._over(entry, stage, path, device)):
            self._go(device, way, path)

    def _stays(self, device: Device, path: tuple[Crossing, ...]) -> bool:
        """Tell whether packets end on the link where they were sent, and are not to be followed there."""
        return self.beyond_links and not device.forwards and on_the_link(path)

    def _go(self, device: Device, way: Way, path: tuple[Crossing, ...]) -> None:
        """Go on from a machine that packets have crossed."""
        if way.exit is None:
            self._arrive(device.name, way.stage, (*path, way.crossing))
        else:
            self._deliver(way.exit, way.stage, (*path, way.crossing))

    def _deliver(self, exit_: Exit, stage: Stage, path: tuple[Crossing, ...]) -> None:
        """Hand packets over a segment: to the next gateway, to a machine there, or to whoever else has the address."""
        if exit_.via:
            self._enter(self.town.devices[exit_.via], exit_.interface, stage, path)
            return
        left = stage
        if exit_.via is None:
            towards = stage.header().majors
            for device, majors, own in self._held(exit_.interface):
                if not towards & majors or self._stays(device, path):
                    continue
                here = left.only(own)
                self._enter(device, exit_.interface, here, path)
                left = left.without(here.sent)
        if not (self.beyond_links and on_the_link(path)):
            self._arrive(exit_.interface, self._over(exit_.interface, left, path), path)

    def _held(self, segment: str) -> list[tuple[Device, int, PacketSet]]:
        """Return the machines of a segment, each with all packets to it, and their major classes."""
        if segment not in self._holders:
            family = self.machines.space.family
            held = [(it, box(self.machines.space, destination=it.own(family))) for it in self.town.on(segment)]
            self._holders[segment] = [(device, own.majors, own) for device, own in held]
        return self._holders[segment]

    def _over(self, segment: str, stage: Stage, path: tuple[Crossing, ...], *ends: Device) -> Stage:
        """Carry packets over a segment that machines beside the path may bridge: what they may drop is doubtful."""
        senders = [crossing.device for crossing in path[-1:]]
        beside = [each for each in self.town.bridges(segment) if each not in ends and each not in senders]
        for bridge in beside:
            dropped, astray = self.machines.across(bridge, stage.sent, stage.rewriting)
            stage = replace(stage, doubtful=stage.doubtful | dropped)
            lost = replace(stage.only(image(astray, stage.rewriting)), astray=True)
            here = crossed(bridge, (segment, ""), (stage, stage, stage))
            self._arrive(bridge.name, replace(lost, doubtful=lost.sent), (*path, here))
        return stage

    def _arrive(self, end: str, stage: Stage, path: tuple[Crossing, ...]) -> None:
        if stage.sent and not (self.beyond_links and on_the_link(path)):
            self.arrivals.append(
                Arrival(
                    self._origin, end, stage.sent, stage.limited, stage.doubtful, path, stage.rewriting, stage.astray
                )
            )


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
