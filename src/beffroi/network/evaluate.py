"""What a chain does to a set of packets, exactly: which are accepted, dropped, translated, and by which rule. Pure.

First match on big integers: of a plane's packets that no rule has decided yet, each rule takes those that it matches.
A case with unknown words takes nothing away, since it may match or not: what it decides is decided *possibly*, and a
packet that is possibly accepted and possibly dropped is unknown.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from .classes import TooComplexError, ones
from .firewall import FINAL, Case, Chain, Direction, Rule, State, Table, Tracking, Translation, Verb
from .packets import PacketSet, Part, united
from .services import ANY_SERVICE
from .space import Plane, Space, first_bit
from .steps import Step, Steps, add, settle, take

MOST_CALLS = 500_000
"""Chains entered in one evaluation: jumps that double at each level end here instead of never."""

MOST_DEPTH = 64
"""Chains within chains; the kernel itself refuses more than 16 (NFT_JUMP_STACK_SIZE), and any loop."""


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

    `translated` and `untracked` are what nat and notrack rules took, `astray` what may have become something else;
    `decided` is filled when it was asked for.
    """

    accepted: PacketSet
    dropped: PacketSet
    translated: tuple[tuple[Translation, PacketSet], ...] = ()
    untracked: PacketSet | None = None
    decided: tuple[Decided, ...] = ()
    astray: PacketSet | None = None

    @property
    def unknown(self) -> PacketSet:
        """Return the packets that may be accepted and may be dropped."""
        return self.accepted & self.dropped


@dataclass(frozen=True)
class Program:
    """A chain of a table, prepared for one situation: for each chain and major class, the steps that can hold."""

    space: Space
    chain: Chain
    steps: dict[str, Steps]
    cases: list[tuple[Rule, Case]]

    def run(self, packets: PacketSet, *, keep: bool = False, without: Case | None = None) -> Outcome:
        """Evaluate; `keep` records what each case decided, `without` leaves one case out.

        Raise TooComplexError when jumps multiply too much.

        Major classes with the same packets and the same steps are evaluated once, and share what comes of it.
        """
        run = _Run(self, keep=keep, without=without)
        fates = [
            (majors, run.major(first_bit(majors), plane))
            for together, plane in packets.parts
            for majors in self._alike(together)
        ]
        return self._outcome(fates, keep=keep)

    def _alike(self, majors: int) -> Iterator[int]:
        """Part major classes by the steps that they meet."""
        if plain := majors & ~self._named:
            yield plain
        alike: dict[tuple[int, ...], int] = {}
        for major in ones(majors & self._named):
            met = tuple(id(named.get(major)) for named in self._varied)
            alike[met] = alike.get(met, 0) | 1 << major
        yield from alike.values()

    @cached_property
    def certain(self) -> bool:
        """Tell whether no packet is both accepted and dropped: every case surely matches or not, and says what."""
        return all(not case.match.unknown and case.verdict.verb is not Verb.UNKNOWN for _, case in self.cases)

    @cached_property
    def _varied(self) -> list[dict[int, list[Step]]]:
        return [steps.named for steps in self.steps.values() if steps.named]

    @cached_property
    def _named(self) -> int:
        """Return the major classes that some rule names, a bit for each."""
        return sum(1 << major for major in set().union(*self._varied))

    def _outcome(self, fates: Sequence[tuple[int, _Fate]], *, keep: bool) -> Outcome:
        """Return all that was decided, as sets."""
        parts: dict[int, list[Part]] = {}
        for majors, fate in fates:
            for number, plane in fate.taken.items():
                parts.setdefault(number, []).append((majors, plane))
        taken = [(self.cases[number], PacketSet(self.space, tuple(parts[number]))) for number in sorted(parts)]
        untracked = [each for (_, case), each in taken if case.verdict.verb is Verb.NOTRACK]
        astray = [each for (_, case), each in taken if case.verdict.astray]
        translated = [
            (case.verdict.translation, each) for (_, case), each in taken if case.verdict.translation is not None
        ]
        return Outcome(
            PacketSet(self.space, tuple((majors, fate.accepts) for majors, fate in fates if fate.accepts)),
            PacketSet(self.space, tuple((majors, fate.drops) for majors, fate in fates if fate.drops)),
            tuple(translated),
            united(self.space, untracked) if untracked else None,
            tuple(Decided(rule, case, each) for (rule, case), each in taken) if keep else (),
            united(self.space, astray) if astray else None,
        )


def prepare(space: Space, table: Table, chain: Chain, situation: Situation, *, beyond: bool = False) -> Program:
    """Select and place the cases of a chain, and of those that it jumps to, for packets in a situation.

    Cases behind one that leaves nothing are left out, unless `beyond`: `without` that one they would be met.
    """
    steps: dict[str, Steps] = {}
    cases: list[tuple[Rule, Case]] = []
    waiting = [chain.name]
    while waiting:
        name = waiting.pop()
        if name not in steps:
            steps[name] = Steps()
            waiting += _place(steps[name], table.chains[name], cases, _Meant(space, situation, beyond))
    return Program(space, chain, steps, cases)


class _Meant(NamedTuple):
    """What cases are placed for."""

    space: Space
    situation: Situation
    beyond: bool


def _place(steps: Steps, chain: Chain, cases: list[tuple[Rule, Case]], meant: _Meant) -> Iterator[str]:
    """Place the cases of one chain; yield the chains that they name."""
    space, situation, beyond = meant
    family, entry, exit_ = space.family, situation.entry, situation.exit
    widest = ANY_SERVICE.mirrored() if situation.answering else ANY_SERVICE
    for rule in chain.rules:
        for case in rule.cases:
            match, verdict = case.match, case.verdict
            if not (match.at(family, entry, exit_) and match.tracked_as(situation.tracking)):
                continue
            if situation.answering:
                match = match.mirrored()
            major, minor = space.sides(match.source, match.destination)
            whole = major is None and minor is None and match.services == widest
            blocks = None if whole and not situation.answering else space.mask(minor, match.services)
            if blocks == ():
                continue
            step = Step(len(cases), blocks, verdict.verb, verdict.chain, not match.unknown)
            steps.add(step, None if major is None else space.major_classes(major))
            cases.append((rule, case))
            if step.chain:
                yield step.chain
            if whole and step.certain and step.verb in FINAL and not beyond:
                return


_TOLD = frozenset({Verb.TRANSLATE, Verb.NOTRACK, Verb.UNKNOWN})


@dataclass(frozen=True)
class _Fate:
    """What became of one plane; `taken` says it of each case that is to be told of."""

    accepts: Plane = field(default_factory=dict)
    drops: Plane = field(default_factory=dict)
    taken: dict[int, Plane] = field(default_factory=dict)


class _Run:
    """One evaluation, plane by plane."""

    def __init__(self, program: Program, *, keep: bool, without: Case | None) -> None:
        self.program = program
        self.keep = keep
        left_out = enumerate(program.cases) if without is not None else ()
        self.without = {number for number, (_, case) in left_out if case is without}
        self.calls = self.depth = 0

    def major(self, major: int, plane: Plane) -> _Fate:
        """Evaluate one plane; what reaches the end of the base chain meets its policy."""
        self.fate = _Fate()
        hook = self.program.chain.hook
        left = self._through(self.program.chain.name, major, dict(plane))
        add(self.fate.drops if hook is not None and hook.policy == "drop" else self.fate.accepts, left)
        return self.fate

    def _through(self, name: str, major: int, left: Plane) -> Plane:
        """Pass a plane through a chain; return what comes back from it undecided."""
        self.calls += 1
        self.depth += 1
        if self.calls > MOST_CALLS or self.depth > MOST_DEPTH:
            raise TooComplexError(self.calls)
        placed, returned = self.program.steps[name], dict[int, int]()
        sinks = {} if self.keep else {Verb.ACCEPT: self.fate.accepts, Verb.DROP: self.fate.drops}
        steps = placed.named.get(major, placed.plain)
        for step in [each for each in steps if each.number not in self.without] if self.without else steps:
            _, blocks, verb, _, certain = step
            if not left:
                break
            if certain and verb in sinks:
                settle(left, blocks, sinks[verb])
            elif (verb is not Verb.CONTINUE or self.keep) and (taken := take(left, step)):
                self._act(step, major, taken, left, returned)
        add(returned, left)
        self.depth -= 1
        return returned

    def _act(self, step: Step, major: int, taken: Plane, left: Plane, returned: Plane) -> None:
        verb = step.verb
        if verb is Verb.ACCEPT or verb is Verb.UNKNOWN:
            add(self.fate.accepts, taken)
        if verb is Verb.DROP or verb is Verb.UNKNOWN:
            add(self.fate.drops, taken)
        if verb is Verb.RETURN:
            add(returned, taken)
        elif verb is Verb.JUMP:
            add(left, self._through(step.chain, major, dict(taken)))
        elif verb is Verb.GOTO:
            add(returned, self._through(step.chain, major, dict(taken)))
        if self.keep or verb in _TOLD:
            add(self.fate.taken.setdefault(step.number, {}), taken)
