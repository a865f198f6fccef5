"""What a chain does to a set of packets, exactly: which are accepted, dropped, translated, and by which rule. Pure.

First match on big integers: of a plane's packets that no rule has decided yet, each rule takes those that it matches.
A case with unknown words takes nothing away, since it may match or not: what it decides is decided *possibly*, and a
packet that is possibly accepted and possibly dropped is unknown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from .classes import TooComplexError
from .firewall import Case, Chain, Direction, Firewall, Match, Rule, State, Table, Tracking, Translation, Verb
from .packets import PacketSet, united
from .space import Blocks, Plane, Space

MOST_CALLS = 2_000_000
"""Chains entered in one evaluation: jumps that double at each level end here instead of never."""


@dataclass(frozen=True)
class Situation:
    """All that a packet is besides its header: interfaces (empty: none) and what conntrack knows.

    `answering` says that the set holds packets whose answers are meant: rules are then read mirrored.
    """

    entry: str = ""
    exit: str = ""
    tracking: Tracking = field(default=Tracking(State.NEW, Direction.ORIGINAL))
    answering: bool = False


@dataclass(frozen=True)
class Decided:
    """What one case of a rule decided: possibly, for some packets."""

    rule: Rule
    case: Case
    packets: PacketSet


@dataclass(frozen=True)
class Outcome:
    """What became of a set of packets; those both accepted and dropped are unknown.

    `translated` and `untracked` are what nat and notrack rules took; `decided` is filled when it was asked for.
    """

    accepted: PacketSet
    dropped: PacketSet
    translated: tuple[tuple[Translation, PacketSet], ...] = ()
    untracked: PacketSet | None = None
    decided: tuple[Decided, ...] = ()

    @property
    def unknown(self) -> PacketSet:
        """Return the packets that may be accepted and may be dropped."""
        return self.accepted & self.dropped


def matches_of(firewall: Firewall) -> Iterator[Match]:
    """Yield every match of a firewall, and the mirror of those that may meet an answer: what a space is cut by."""
    for table in firewall.tables:
        for chain in table.chains.values():
            for rule in chain.rules:
                for case in rule.cases:
                    yield case.match
                    if case.match.states is None or State.ESTABLISHED in case.match.states:
                        yield case.match.mirrored()


@dataclass(frozen=True)
class _Step:
    """A case that can hold in the situation, as what it covers of a plane."""

    number: int
    blocks: Blocks
    verb: Verb
    chain: str
    certain: bool


@dataclass(frozen=True)
class Program:
    """A chain of a table, prepared for one situation: for each chain and major class, the steps that can hold."""

    space: Space
    chain: Chain
    steps: dict[str, dict[int, list[_Step]]]
    cases: list[tuple[Rule, Case]]

    def run(self, packets: PacketSet, *, keep: bool = False) -> Outcome:
        """Evaluate; `keep` records what each case decided. Raise TooComplexError when jumps multiply too much."""
        run = _Run(self, keep=keep)
        for major, plane in packets.planes.items():
            run.major(major, plane)
        return run.outcome()


def prepare(space: Space, table: Table, chain: Chain, situation: Situation) -> Program:
    """Select and place the cases of a chain, and of those that it jumps to, for packets in a situation."""
    steps: dict[str, dict[int, list[_Step]]] = {}
    cases: list[tuple[Rule, Case]] = []
    waiting = [chain.name]
    while waiting:
        name = waiting.pop()
        if name in steps:
            continue
        placed: dict[int, list[_Step]] = {}
        for rule in table.chains[name].rules:
            for case in rule.cases:
                majors, step = _step(space, case, situation, len(cases))
                if step is None:
                    continue
                cases.append((rule, case))
                for major in majors:
                    placed.setdefault(major, []).append(step)
                if step.chain:
                    waiting.append(step.chain)
        steps[name] = placed
    return Program(space, chain, steps, cases)


def _step(space: Space, case: Case, situation: Situation, number: int) -> tuple[list[int], _Step | None]:
    match = case.match
    if not (match.at(space.family, situation.entry, situation.exit) and match.tracked_as(situation.tracking)):
        return [], None
    if situation.answering:
        match = match.mirrored()
    major, minor = space.sides(match.source, match.destination)
    blocks = space.mask(minor, match.services)
    if not blocks:
        return [], None
    verdict = case.verdict
    step = _Step(number, blocks, verdict.verb, verdict.chain, not match.unknown)
    return list(space.major_classes(major)), step


_PASSING = frozenset({Verb.CONTINUE, Verb.NOTRACK})


class _Run:
    """One evaluation: the planes of what was decided so far."""

    def __init__(self, program: Program, *, keep: bool) -> None:
        self.program = program
        self.accepted: dict[int, Plane] = {}
        self.dropped: dict[int, Plane] = {}
        self.taken: dict[int, dict[int, Plane]] = {}
        self.keep = keep
        self.calls = 0

    def major(self, major: int, plane: Plane) -> None:
        """Evaluate one plane; what reaches the end of the base chain meets its policy."""
        self.accepts: Plane = {}
        self.drops: Plane = {}
        hook = self.program.chain.hook
        left = self._through(self.program.chain.name, major, dict(plane))
        _add(self.drops if hook is not None and hook.policy == "drop" else self.accepts, left)
        if self.accepts:
            self.accepted[major] = self.accepts
        if self.drops:
            self.dropped[major] = self.drops

    def _through(self, name: str, major: int, left: Plane) -> Plane:
        """Pass a plane through a chain; return what comes back from it undecided."""
        self.calls += 1
        if self.calls > MOST_CALLS:
            raise TooComplexError(self.calls)
        returned: Plane = {}
        for step in self.program.steps[name].get(major, ()):
            if not left:
                break
            if step.verb in _PASSING and not (self.keep or step.verb is Verb.NOTRACK):
                continue
            taken = _take(left, step)
            if taken:
                self._act(step, major, taken, left, returned)
        _add(returned, left)
        return returned

    def _act(self, step: _Step, major: int, taken: Plane, left: Plane, returned: Plane) -> None:
        verb = step.verb
        if verb is Verb.ACCEPT or verb is Verb.UNKNOWN:
            _add(self.accepts, taken)
        if verb is Verb.DROP or verb is Verb.UNKNOWN:
            _add(self.drops, taken)
        if verb is Verb.RETURN:
            _add(returned, taken)
        elif verb is Verb.JUMP:
            _add(left, self._through(step.chain, major, dict(taken)))
        elif verb is Verb.GOTO:
            _add(returned, self._through(step.chain, major, dict(taken)))
        if self.keep or verb is Verb.TRANSLATE or verb is Verb.NOTRACK:
            _add(self.taken.setdefault(step.number, {}).setdefault(major, {}), taken)

    def outcome(self) -> Outcome:
        """Return all that was decided, as sets."""
        space, cases = self.program.space, self.program.cases
        taken = [(cases[number], PacketSet(space, planes)) for number, planes in sorted(self.taken.items())]
        untracked = [each for (_, case), each in taken if case.verdict.verb is Verb.NOTRACK]
        translated = [
            (case.verdict.translation, each) for (_, case), each in taken if case.verdict.translation is not None
        ]
        return Outcome(
            PacketSet(space, self.accepted),
            PacketSet(space, self.dropped),
            tuple(translated),
            united(space, untracked) if untracked else None,
            tuple(Decided(rule, case, each) for (rule, case), each in taken) if self.keep else (),
        )


def _take(left: Plane, step: _Step) -> Plane:
    """Take what the step matches out of `left`, unless it may or may not match: then it all stays."""
    taken: Plane = {}
    for block, mask in step.blocks:
        bits = left.get(block)
        if bits is not None and (hit := bits & mask):
            taken[block] = hit
            if step.certain and step.verb not in _PASSING:
                if hit == bits:
                    del left[block]
                else:
                    left[block] = bits ^ hit
    return taken


def _add(plane: Plane, more: Plane) -> None:
    for block, bits in more.items():
        plane[block] = plane.get(block, 0) | bits
