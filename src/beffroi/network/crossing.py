"""How packets cross one machine: through the chains of each hook, with conntrack and translation between them. Pure.

The order is the kernel's (include/uapi/linux/netfilter_ipv4.h): conntrack at priority -200 of prerouting and output,
destinations translated at -100 there, sources at 100 of postrouting and input, whatever a nat chain says of its own
priority. Nat chains see the first packet of a connection alone; its answers are translated back without them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from .evaluate import Outcome, Program, Situation
from .firewall import ACROSS, Chain, Direction, State, Table, Tracking, Verb
from .packets import PacketSet, box, nothing, united
from .programs import Programs
from .rewriting import UNCHANGED, Rewriting, image, pulled
from .services import DCCP, ICMP, ICMPV6, SCTP, TCP, Box, Services, only
from .space import Space
from .town import Device

TRACKING_BEGINS, DESTINATIONS, SOURCES = -200, -100, 100
"""Priorities of the kernel's own hooks: conntrack, translation of destinations, translation of sources."""

STATEFUL = Services((Box(only([TCP, SCTP, DCCP, ICMP, ICMPV6])),))
"""Protocols whose answers begin no connection of their own; a space must be cut by them."""

UNTRACKED_YET = Tracking(State.INVALID)


@dataclass(frozen=True)
class Stage:
    """Packets on their way: those sent that may still be there, and what they have become.

    `limited` are those let through only up to a rate; `doubtful`, those that may be dropped for a reason that is not
    modelled. Both are part of `sent`.
    """

    sent: PacketSet
    limited: PacketSet
    doubtful: PacketSet
    rewriting: Rewriting = UNCHANGED
    tracking: Tracking = field(default=Tracking(State.NEW, Direction.ORIGINAL))
    astray: bool = False
    """Whether they may have become something else, or gone elsewhere: it is not known where they are."""

    def header(self) -> PacketSet:
        """Return what the packets have become."""
        return image(self.sent, self.rewriting)

    def only(self, became: PacketSet) -> Stage:
        """Return the part that has become one of `became`."""
        return self._of(pulled(self.sent, self.rewriting, became))

    def judged(self, became: PacketSet) -> Stage:
        """Return the part that has become one of `became`, which is a part of what all has become."""
        return self._of(became) if self.rewriting == UNCHANGED else self.only(became)

    def without(self, sent: PacketSet) -> Stage:
        """Return the stage without some of the packets sent."""
        return self._of(self.sent - sent)

    def _of(self, sent: PacketSet) -> Stage:
        if sent is self.sent:
            return self
        limited, doubtful = self.limited & sent, self.doubtful & sent
        return Stage(sent, limited, doubtful, self.rewriting, self.tracking, self.astray)


def begun(packets: PacketSet, tracking: Tracking) -> Stage:
    """Return packets that were just sent."""
    none = nothing(packets.space)
    return Stage(packets, none, none, tracking=tracking)


@dataclass(frozen=True, eq=False)
class Crossing:
    """One machine on a path: where packets entered and left it, and what they had become before, inside and after.

    `entry` is empty for packets that the machine itself sends, `exit` for those that it takes.
    """

    device: Device
    entry: str
    exit: str
    before: Rewriting
    inside: Rewriting
    after: Rewriting
    tracked: bool = True

    def answers(self) -> Tracking:
        """Return how the machine tracks the answers to what it tracked."""
        translated = {"dnat": self.inside != self.before, "snat": self.after != self.inside}
        return Tracking(State.ESTABLISHED, Direction.REPLY, **translated)


def crossed(device: Device, ways: tuple[str, str], stages: tuple[Stage, Stage, Stage]) -> Crossing:
    """Return how packets crossed a machine, from what they were before, inside and after."""
    before, inside, after = (stage.rewriting for stage in stages)
    return Crossing(device, *ways, before, inside, after, tracked=stages[2].tracking.state is not State.UNTRACKED)


class Answers(NamedTuple):
    """Packets whose answers surely come back, and all those whose answers may."""

    sure: PacketSet
    possible: PacketSet


class Machines:
    """The chains of machines, each prepared once for the situations that none of its cases tells apart."""

    def __init__(self, space: Space, programs: Programs | None = None) -> None:
        self.space = space
        self._programs = programs or Programs(space)
        self._chains: dict[tuple[Device, str], list[tuple[int, Table, Chain]]] = {}

    def __reduce__(self) -> tuple[type[Machines], tuple[Space]]:
        """Leave out what was prepared, where a proof goes to another process."""
        return Machines, (self.space,)

    def passed(self, device: Device, hook: str, stage: Stage, entry: str = "", exit_: str = "") -> Iterator[Stage]:
        """Pass packets through every chain of a hook; what was translated or left untracked is a stage of its own.

        So is what went astray there.
        """
        waiting = [(stage, 0, False)] if stage.sent else []
        chains = self.chains(device, hook)
        while waiting:
            now, at, translated = waiting.pop()
            while at < len(chains) and now.sent:
                priority, table, chain = chains[at]
                at += 1
                if _is_nat(chain) and (translated or now.tracking.state is not State.NEW):
                    continue
                early = hook in _ENTRANCES and priority < TRACKING_BEGINS
                situation = Situation(entry, exit_, UNTRACKED_YET if early else now.tracking)
                program = self._programs.of(table, chain, situation)
                outcome = program.run(image(now.sent, now.rewriting))
                if outcome.astray is not None:
                    lost = now.only(outcome.astray)
                    yield replace(lost, doubtful=lost.sent, astray=True)
                waiting += [(each, at, True) for each in _translated(device, entry or exit_, exit_, now, outcome)]
                now, untracked = _judged(now, outcome, program)
                waiting += [(untracked, at, translated)] if untracked else []
            if now.sent:
                yield now

    def answered(self, crossing: Crossing, sent: PacketSet) -> Answers:
        """Return those of `sent` whose answers pass the machine, on the way back."""
        chains = self._back(crossing)
        waiting = [(part, 0, tracking) for part, tracking in _tracked(crossing, sent)]
        passed = []
        unsure = [sent] if crossing.tracked and crossing.device.firewall.leaves_open("zone") else []
        while waiting:
            left, at, tracking = waiting.pop()
            for number, (seen, early, ways, table, chain) in enumerate(chains[at:], at + 1):
                if not left:
                    break
                situation = Situation(*ways, UNTRACKED_YET if early else tracking, answering=True)
                outcome = self._programs.of(table, chain, situation).run(image(left, seen))
                stopped = pulled(left, seen, outcome.dropped)
                if outcome.astray is not None:
                    stopped = stopped | pulled(left, seen, outcome.astray)
                if stopped:
                    left = pulled(left, seen, outcome.accepted)
                    unsure.append(left & stopped)
                if outcome.untracked is not None:
                    stateless = pulled(left, seen, outcome.untracked)
                    left = left - stateless
                    waiting.append((stateless, number, Tracking(State.UNTRACKED)))
            passed.append(left)
        possible = united(self.space, passed)
        return Answers(possible - united(self.space, unsure), possible)

    def _back(self, crossing: Crossing) -> list[tuple[Rewriting, bool, tuple[str, str], Table, Chain]]:
        """Return the chains that answers meet, in order.

        With each: what their header mirrors there, whether conntrack has not seen them yet, and the interfaces.
        """
        entry, exit_ = crossing.exit, crossing.entry
        hooks = [("prerouting", entry, "") if entry else ("output", "", exit_)]
        if entry:
            hooks.append(("forward", entry, exit_) if exit_ else ("input", entry, ""))
        if exit_:
            hooks.append(("postrouting", entry, exit_))
        return [
            (
                _seen(crossing, hook, priority),
                hook in _ENTRANCES and priority < TRACKING_BEGINS,
                (come, go),
                table,
                chain,
            )
            for hook, come, go in hooks
            for priority, table, chain in self.chains(crossing.device, hook)
            if not _is_nat(chain)
        ]

    def across(
        self, device: Device, sent: PacketSet, seen: Rewriting, *, answering: bool = False
    ) -> tuple[PacketSet, PacketSet]:
        """Return those of `sent` that a machine may drop on a segment that it may bridge, and those that go astray."""
        situation = Situation(tracking=UNTRACKED_YET, answering=answering)
        dropped, astray = [], []
        for _, table, chain in self.chains(device, ACROSS):
            outcome = self._programs.of(table, chain, situation).run(image(sent, seen))
            dropped.append(pulled(sent, seen, outcome.dropped))
            astray += [pulled(sent, seen, outcome.astray)] if outcome.astray is not None else []
        return united(self.space, dropped), united(self.space, astray)

    def chains(self, device: Device, hook: str) -> list[tuple[int, Table, Chain]]:
        """Return the chains of a hook in the order in which packets meet them."""
        key = (device, hook)
        if key not in self._chains:
            found = [
                (_NAT_PRIORITY.get(hook, 0) if _is_nat(chain) else chain.hook.priority, table, chain)
                for table, chain in device.firewall.hooked(hook, self.space.family)
                if chain.hook is not None
            ]
            self._chains[key] = sorted(found, key=lambda each: each[0])
        return self._chains[key]


_ENTRANCES = frozenset({"prerouting", "output"})
_NAT_PRIORITY = {"prerouting": DESTINATIONS, "output": DESTINATIONS, "input": SOURCES, "postrouting": SOURCES}


def _tracked(crossing: Crossing, sent: PacketSet) -> Iterator[tuple[PacketSet, Tracking]]:
    """Yield the answers by how the machine tracks them.

    It knows no connection of what a rule left untracked: an answer of TCP, SCTP, DCCP or ICMP is then invalid, any
    other seems new.
    """
    if crossing.tracked:
        yield sent, crossing.answers()
        return
    stateful = box(sent.space, services=STATEFUL)
    yield sent & stateful, Tracking(State.INVALID)
    yield sent - stateful, Tracking(State.NEW, Direction.ORIGINAL)


def _is_nat(chain: Chain) -> bool:
    return chain.hook is not None and chain.hook.kind == "nat"


def _seen(crossing: Crossing, hook: str, priority: int) -> Rewriting:
    """Return what an answer's header mirrors when it meets a chain: translations are undone in the reverse order."""
    if hook in _ENTRANCES:
        return crossing.after if priority < DESTINATIONS else crossing.inside
    return crossing.before if hook in {"input", "postrouting"} and priority >= SOURCES else crossing.inside


def _translated(device: Device, near: str, exit_: str, now: Stage, outcome: Outcome) -> Iterator[Stage]:
    family = now.sent.space.family
    for translation, became in outcome.translated:
        stage = now.only(became)
        side = exit_ if translation.side == "source" else near
        address = device.addresses.get(side, {}).get(family)
        own = ((address, address),) if address is not None else device.own(family)
        tracking = replace(
            stage.tracking,
            dnat=stage.tracking.dnat or translation.side == "destination",
            snat=stage.tracking.snat or translation.side == "source",
        )
        yield replace(stage, rewriting=now.rewriting.then(translation, own), tracking=tracking)


def _judged(now: Stage, outcome: Outcome, program: Program) -> tuple[Stage, Stage | None]:
    """Return what goes on, and what goes on without tracking."""
    left = now.judged(outcome.accepted)
    # A packet with one image is accepted or dropped; with several, it may be both.
    several = now.rewriting != UNCHANGED or not program.certain
    unsure = left.sent & pulled(now.sent, now.rewriting, outcome.dropped) if several else nothing(left.sent.space)
    if unsure:
        doubtful = pulled(unsure, now.rewriting, _doubts(program, image(unsure, now.rewriting)))
        left = replace(left, doubtful=left.doubtful | doubtful, limited=left.limited | unsure - doubtful)
    if outcome.untracked is None:
        return left, None
    untracked = replace(left.only(outcome.untracked), tracking=Tracking(State.UNTRACKED))
    return left.without(untracked.sent), untracked if untracked.sent else None


def _doubts(program: Program, packets: PacketSet) -> PacketSet:
    """Return the packets that a case takes or not for another reason than a rate."""
    touched = [
        each.packets
        for each in program.run(packets, keep=True).decided
        if each.case.verdict.verb is Verb.UNKNOWN or any(not unknown.rate for unknown in each.case.match.unknown)
    ]
    return united(program.space, touched)
