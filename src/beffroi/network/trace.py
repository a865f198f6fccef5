"""One concrete packet through one machine's firewall, hook after hook: what becomes of it, and by which rules. Pure.

    received   prerouting -> [routing] -> input, or forward -> postrouting
    sent       output -> [routing] -> postrouting

It is what `beffroi flows can` answers with, and the symbolic engine's judge; the kernel is its own judge, in
tests/lab/test_kernel_agreement.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from .conntrack import Connection, Packet, first_tracking
from .firewall import Family, Firewall, State, Tracking, Translation, Verb
from .intervals import holds
from .stepping import Step, Stepper, TooManyWays, Ways, World

__all__ = ["Connection", "Decision", "End", "Machine", "Packet", "Step", "Trace", "received", "sent", "trace"]


class Decision(StrEnum):
    """What becomes of a packet; UNKNOWN when it depends on something that is not modelled."""

    ACCEPT = "accept"
    DROP = "drop"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Machine:
    """What a machine adds to its ruleset: where it sends packets, and the address that it calls its own.

    `route` gives the interface that leads to an address, the empty name for the machine itself, None for no route.
    `address` gives what masquerade (by the exit) and redirect (by the entry) write, None when there is none.
    """

    route: Callable[[Family, int], str | None]
    address: Callable[[Family, str], int | None]


@dataclass(frozen=True)
class End:
    """One way that the packet may end: accepted or dropped, as it then is."""

    verb: Verb
    packet: Packet
    tracking: Tracking
    exit: str
    translations: tuple[Translation, ...] = ()

    def allows(self, packet: Packet) -> bool:
        """Tell whether the kernel may let it out as `packet`: a translation to a range leaves it the choice."""
        wanted = self.packet
        for each in self.translations:
            address, port = wanted.end(each.side)
            chosen, chosen_port = packet.end(each.side)
            address = chosen if each.addresses and holds(each.addresses, chosen) else address
            port = chosen_port if each.ports and holds(each.ports, chosen_port) else port
            wanted = wanted.towards(each.side, address, port)
        return wanted == packet


@dataclass(frozen=True)
class Trace:
    """The answer: the decision, each rule that matched in order, and the ways that the packet may end.

    `reasons` are the words that were not modelled, when they leave the decision open.
    """

    decision: Decision
    steps: tuple[Step, ...]
    ends: tuple[End, ...]
    reasons: tuple[str, ...] = ()

    @property
    def end(self) -> End | None:
        """Return the one way that it ends, or None when there are several."""
        return self.ends[0] if len(self.ends) == 1 else None

    def show(self) -> str:
        """Return the steps and the decision, a line each."""
        open_words = f" ({'; '.join(self.reasons)})" if self.reasons else ""
        return "\n".join([*(step.show() for step in self.steps), f"{self.decision}{open_words}"])


def trace(  # noqa: PLR0913 - a packet's circumstances are many, and each has a name
    firewall: Firewall,
    packet: Packet,
    *,
    hooks: Iterable[str],
    entry: str = "",
    exit: str = "",  # noqa: A002 - the word of the other end is entry
    tracking: Tracking | None = None,
    connection: Connection | None = None,
    own_address: Callable[[Family, str], int | None] | None = None,
    within_limits: bool = False,
) -> Trace:
    """Take a packet through the given hooks, in order, between two interfaces that no translation changes.

    Without `tracking` it belongs to no connection. `within_limits` takes it that no rate limit is exceeded.
    """
    stepper = Stepper(firewall, own_address, connection, within_limits)
    start = World(packet, tracking or first_tracking(packet), entry, exit)
    return _answer(stepper, lambda: _along(stepper, hooks, {(Verb.ACCEPT, start)}))


def received(  # noqa: PLR0913 - as above
    firewall: Firewall,
    packet: Packet,
    *,
    entry: str,
    machine: Machine,
    tracking: Tracking | None = None,
    connection: Connection | None = None,
    within_limits: bool = False,
) -> Trace:
    """Take a packet that arrives by `entry` all the way to the machine itself or out of it."""
    stepper = Stepper(firewall, machine.address, connection, within_limits)
    start = World(packet, tracking or first_tracking(packet), entry)

    def onward(world: World) -> Ways:
        leaves = machine.route(world.packet.family, world.packet.destination)
        if leaves is None:
            return {(Verb.DROP, world)}
        hooks = ("forward", "postrouting") if leaves else ("input",)
        return _along(stepper, hooks, {(Verb.ACCEPT, replace(world, exit=leaves))})

    return _answer(stepper, lambda: _onward(_along(stepper, ("prerouting",), {(Verb.ACCEPT, start)}), onward))


def sent(  # noqa: PLR0913 - as above
    firewall: Firewall,
    packet: Packet,
    *,
    machine: Machine,
    tracking: Tracking | None = None,
    connection: Connection | None = None,
    within_limits: bool = False,
) -> Trace:
    """Take a packet that the machine itself sends out of it.

    A translated destination changes the way out; the output hook's own later chains still see the first one.
    """
    stepper = Stepper(firewall, machine.address, connection, within_limits)
    leaves = machine.route(packet.family, packet.destination)
    start = World(packet, tracking or first_tracking(packet), "", leaves or "")

    def onward(world: World) -> Ways:
        now = machine.route(world.packet.family, world.packet.destination)
        if not now:
            return {(Verb.DROP, world)}
        return _along(stepper, ("postrouting",), {(Verb.ACCEPT, replace(world, exit=now))})

    if not leaves:
        return Trace(Decision.DROP, (), (End(Verb.DROP, packet, start.tracking, ""),))
    return _answer(stepper, lambda: _onward(_along(stepper, ("output",), {(Verb.ACCEPT, start)}), onward))


def _along(stepper: Stepper, hooks: Iterable[str], ways: Ways) -> Ways:
    for hook in hooks:
        ways = _onward(ways, lambda world, hook=hook: stepper.through(hook, world))  # type: ignore[misc]
    return ways


def _onward(ways: Ways, step: Callable[[World], Ways]) -> Ways:
    found = {way for way in ways if way[0] is Verb.DROP}
    return found.union(*(step(world) for verb, world in ways if verb is Verb.ACCEPT))


def _answer(stepper: Stepper, walk: Callable[[], Ways]) -> Trace:
    try:
        ways = walk()
    except TooManyWays:
        return Trace(Decision.UNKNOWN, tuple(stepper.steps), (), tuple(stepper.reasons))
    verbs = {verb for verb, _ in ways}
    decision = Decision(str(next(iter(verbs)))) if len(verbs) == 1 else Decision.UNKNOWN
    ends = dict.fromkeys(_end(*way) for way in (sorted(ways, key=repr) if len(ways) > 1 else ways))
    return Trace(
        decision, tuple(stepper.steps), tuple(ends), tuple(stepper.reasons) if decision is Decision.UNKNOWN else ()
    )


def _end(verb: Verb, world: World) -> End:
    tracking = Tracking(State.UNTRACKED) if world.notrack else world.tracking
    return End(verb, world.packet, tracking, world.exit, world.translations)
