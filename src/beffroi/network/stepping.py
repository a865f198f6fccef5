"""One packet through the rules of one hook, case by case, as the kernel goes. Pure.

Nothing here works on sets of packets: it shares the meaning of rules with the symbolic engine, and no line of code.
What is not modelled is tried both ways: a packet then has several `World`s, and each goes on alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import product

from .conntrack import Connection, Packet, Side
from .firewall import Case, Chain, Family, Firewall, Match, Place, Rule, State, Table, Tracking, Translation, Verb
from .intervals import Intervals, holds
from .nftvalues import visible

CONNTRACK_PRIORITY = -200
NAT_PRIORITY = {"prerouting": -100, "output": -100, "input": 100, "postrouting": 100}
"""Where the kernel translates, whatever priority a nat chain has: that one orders nat chains among themselves."""

_SIDES: dict[str, Side] = {
    "prerouting": "destination",
    "output": "destination",
    "input": "source",
    "postrouting": "source",
}
MOST_WORLDS = 256
_DEEPEST = 16  # NFT_JUMP_STACK_SIZE: nft refuses rulesets that jump deeper
_BEFORE = Tracking(State.INVALID)


class TooManyWays(Exception):  # never leaves this package: trace() answers "unknown"
    """What is not modelled makes more possible ways than it is worth following."""


@dataclass(frozen=True)
class Step:
    """A rule that matched: where it stands, the element's comment, what it said. `sure` is False for a maybe.

    A chain's policy is a step at position 0.
    """

    hook: str
    place: Place
    label: str
    verb: Verb
    sure: bool

    def show(self) -> str:
        """Return the step on one line."""
        where = str(self.place) if self.place.position else f"{self.place} policy"
        label = f" ({visible(self.label)})" if self.label else ""
        return f"{self.hook}: {where}{label}: {self.verb}{'' if self.sure else ' ?'}"


@dataclass(frozen=True)
class World:
    """The packet as it stands on its way, in one of the ways that are possible."""

    packet: Packet
    tracking: Tracking
    entry: str = ""
    exit: str = ""
    notrack: bool = False
    sure: bool = True
    translations: tuple[Translation, ...] = ()

    def told(self, hook: str, priority: int) -> Tracking:
        """Return what conntrack tells of it to a chain: nothing yet before conntrack's own turn."""
        if self.notrack:
            return Tracking(State.UNTRACKED)
        early = hook in ("prerouting", "output") and priority < CONNTRACK_PRIORITY
        return _BEFORE if early else self.tracking


Ways = set[tuple[Verb, World]]
"""What may come of a rule or a chain; CONTINUE goes on with the next rule, RETURN with the chain's caller."""


@dataclass
class Stepper:
    """Takes packets through hooks, and notes the steps and the words that were not modelled."""

    firewall: Firewall
    own_address: Callable[[Family, str], int | None] | None = None
    connection: Connection | None = None
    within_limits: bool = False
    steps: dict[Step, None] = field(default_factory=dict)
    reasons: dict[str, None] = field(default_factory=dict)

    def through(self, hook: str, world: World) -> Ways:
        """Return what comes of the packet on a hook: ACCEPT or DROP for each world."""
        family = world.packet.family
        chains = [(t, c) for t, c in self.firewall.hooked(hook, family) if c.hook and c.hook.kind != "nat"]
        translating = NAT_PRIORITY.get(hook)
        before = [(t, c) for t, c in chains if translating is None or _priority(c) < translating]
        ways = self._all(hook, before, {(Verb.ACCEPT, world)})
        if translating is not None:
            ways = self._each(ways, lambda one: self._translated(hook, one))
        return self._all(hook, chains[len(before) :], ways)

    def _all(self, hook: str, chains: Iterable[tuple[Table, Chain]], ways: Ways) -> Ways:
        for table, chain in chains:
            ways = self._each(ways, partial(self._called, hook, table, chain))
        return ways

    @staticmethod
    def _each(ways: Ways, onward: Callable[[World], Ways]) -> Ways:
        found = {way for way in ways if way[0] is Verb.DROP}
        for verb, world in sorted(ways - found, key=repr) if len(ways) > 1 else ways - found:
            found |= onward(world) if verb is Verb.ACCEPT else set()
        if len(found) > MOST_WORLDS:
            raise TooManyWays
        return found

    def _translated(self, hook: str, world: World) -> Ways:
        """Return the packet after the kernel's own turn to translate: nat chains see first packets alone."""
        told = world.told(hook, NAT_PRIORITY[hook])
        if told.direction is None:
            return {(Verb.ACCEPT, world)}
        if self.connection is not None:
            packet = self.connection.rewritten(world.packet, told.direction, _SIDES[hook])
            return {(Verb.ACCEPT, replace(world, packet=packet))}
        ways: Ways = {(Verb.ACCEPT, world)}
        if told.state is State.NEW:
            for table, chain in self.firewall.hooked(hook, world.packet.family):
                if chain.hook and chain.hook.kind == "nat":
                    done = {way for way in ways if len(way[1].translations) > len(world.translations)}
                    ways = done | self._each(ways - done, partial(self._called, hook, table, chain))
        return ways

    def _called(self, hook: str, table: Table, chain: Chain, world: World) -> Ways:
        at = _Call(self, hook, table, _priority(chain))
        ended = at.chain(chain, world, 0)
        found = {way for way in ended if way[0] is not Verb.RETURN}
        for _, left in ended - found:
            verb = Verb(chain.hook.policy) if chain.hook else Verb.ACCEPT
            place = Place(f"{table.family} {table.name}", chain.name, 0, text=f"policy {verb}")
            self.steps[Step(hook, place, "", verb, left.sure)] = None
            found.add((verb, left))
        return found

    @cached_property
    def bounds(self) -> dict[str, list[int]]:
        """Return where some rule begins or stops to match, for what a translation may write."""
        found: dict[str, set[int]] = {"source": set(), "destination": set(), "first": set(), "second": set()}
        for match in _matches(self.firewall):
            axes = [("source", match.source), ("destination", match.destination)]
            axes += [pair for box in match.services.boxes for pair in (("first", box.first), ("second", box.second))]
            for axis, ranges in axes:
                found[axis].update(bound for low, high in ranges or () for bound in (low, high + 1))
        return {axis: sorted(values) for axis, values in found.items()}


@dataclass(frozen=True)
class _Call:
    """A base chain's turn."""

    stepper: Stepper
    hook: str
    table: Table
    priority: int

    def chain(self, chain: Chain, world: World, depth: int) -> Ways:
        ended: Ways = set()
        here = {world}
        for rule in chain.rules:
            further: set[World] = set()
            for one in here:
                for verb, after in self._rule(rule, one, depth):
                    if verb is Verb.CONTINUE:
                        further.add(after)
                    else:
                        ended.add((verb, after))
            here = further
            if len(here) + len(ended) > MOST_WORLDS:
                raise TooManyWays
        return ended | {(Verb.RETURN, one) for one in here}

    def _rule(self, rule: Rule, world: World, depth: int) -> Ways:
        found: Ways = set()
        for case in rule.cases:
            if not self._may_match(case.match, world):
                continue
            doubts = [u for u in case.match.unknown if not (u.rate and self.stepper.within_limits)]
            self.stepper.reasons.update(dict.fromkeys(doubt.text for doubt in doubts))
            if doubts:
                world = replace(world, sure=False)
            self.stepper.steps[Step(self.hook, rule.place, case.label, case.verdict.verb, world.sure)] = None
            found |= self._said(case, rule.place, world, depth)
            if not doubts:
                return found
        return found | {(Verb.CONTINUE, world)}

    def _may_match(self, match: Match, world: World) -> bool:
        packet = world.packet
        return (
            match.at(packet.family, world.entry, world.exit)
            and (match.source is None or holds(match.source, packet.source))
            and (match.destination is None or holds(match.destination, packet.destination))
            and match.services.holds(packet.service)
            and match.tracked_as(world.told(self.hook, self.priority))
        )

    def _said(self, case: Case, place: Place, world: World, depth: int) -> Ways:
        verdict = case.verdict
        if verdict.verb in (Verb.JUMP, Verb.GOTO):
            called = self.table.chains.get(verdict.chain)
            if called is None or depth >= _DEEPEST:
                return self._anything(f"{verdict.verb} {verdict.chain}", world)
            ends = self.chain(called, world, depth + 1)
            back = Verb.CONTINUE if verdict.verb is Verb.JUMP else Verb.RETURN
            return {(back if verb is Verb.RETURN else verb, after) for verb, after in ends}
        if verdict.verb is Verb.NOTRACK:
            told = world.told(self.hook, self.priority)
            return {(Verb.CONTINUE, replace(world, notrack=True) if told.direction is None else world)}
        if verdict.verb is Verb.TRANSLATE and verdict.translation is not None:
            return self._translate(verdict.translation, place, world)
        if verdict.astray:
            self.stepper.reasons[place.text or str(place)] = None
            raise TooManyWays
        if verdict.verb in (Verb.UNKNOWN, Verb.TRANSLATE):
            return self._anything(place.text or str(place), world)
        return {(verdict.verb, world)}

    def _anything(self, words: str, world: World) -> Ways:
        self.stepper.reasons[words] = None
        doubtful = replace(world, sure=False)
        return {(Verb.ACCEPT, doubtful), (Verb.DROP, doubtful)}

    def _translate(self, wanted: Translation, place: Place, world: World) -> Ways:
        addresses = wanted.addresses
        if wanted.own:
            if self.stepper.own_address is None:
                return self._anything(place.text or str(place), world)
            interface = world.exit if wanted.side == "source" else world.entry
            own = self.stepper.own_address(world.packet.family, interface)
            if own is None:
                return {(Verb.DROP, world)}  # nf_nat_masquerade_ipv4: no address to give, no packet
            addresses = ((own, own),)
        address, port = world.packet.end(wanted.side)
        ports = (
            None if wanted.ports and holds(wanted.ports, port) else wanted.ports
        )  # the kernel keeps a port that will do
        choices = product(
            self._choices(wanted.side, addresses, address),
            self._choices("first" if wanted.side == "source" else "second", ports, port),
        )
        return {(Verb.ACCEPT, self._moved(wanted, world, *choice)) for choice in choices}

    @staticmethod
    def _moved(wanted: Translation, world: World, address: int, port: int) -> World:
        packet = world.packet.towards(wanted.side, address, port)
        changed = packet != world.packet
        status = world.tracking
        status = replace(status, snat=changed) if wanted.side == "source" else replace(status, dnat=changed)
        return replace(world, packet=packet, tracking=status, translations=(*world.translations, wanted))

    def _choices(self, axis: str, options: Intervals | None, now: int) -> list[int]:
        """Return one option for each way that the rules could take from there."""
        if options is None:
            return [now]
        inside = [bound for bound in self.stepper.bounds[axis] if holds(options, bound)]
        return sorted({*(low for low, _ in options), *inside})


def _priority(chain: Chain) -> int:
    return chain.hook.priority if chain.hook else 0


def _matches(firewall: Firewall) -> Iterator[Match]:
    for table in firewall.tables:
        for chain in table.chains.values():
            for rule in chain.rules:
                yield from (case.match for case in rule.cases)
