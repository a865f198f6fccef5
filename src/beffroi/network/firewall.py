"""What a firewall's rules mean, whatever they were written in: tables, chains, rules, and what each rule matches. Pure.

A rule is a list of cases, tried in order: a plain rule has one, a rule on a map or a set of concatenations has one an
element. A case that cannot be said exactly carries, in `unknown`, the words that were not modelled: such a case may
match any packet that the rest of it matches, or none of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Literal, NamedTuple

from .intervals import Intervals
from .nftvalues import visible
from .services import ANY_SERVICE, Services

Family = Literal[4, 6]
BOTH: frozenset[Family] = frozenset({4, 6})
ACROSS = "across"
"""Stands for the hooks of a bridge that frames between other machines of a segment pass."""

LAST_ADDRESS: dict[Family, int] = {4: 2**32 - 1, 6: 2**128 - 1}


class State(StrEnum):
    """A packet's conntrack state, as nftables names it."""

    NEW = "new"
    ESTABLISHED = "established"
    RELATED = "related"
    INVALID = "invalid"
    UNTRACKED = "untracked"


class Direction(StrEnum):
    """Which way a packet of a tracked connection goes."""

    ORIGINAL = "original"
    REPLY = "reply"


@dataclass(frozen=True)
class Tracking:
    """What conntrack knows of a packet.

    `direction` is None when there is no connection at all (invalid, untracked, or before tracking begins): direction
    and status then match nothing, not even negated. `dnat` and `snat` tell that its connection was translated.
    """

    state: State
    direction: Direction | None = None
    dnat: bool = False
    snat: bool = False


@dataclass(frozen=True)
class Interfaces:
    """A set of interface names: some names and some prefixes (`lan*`), or with `outside` all the others."""

    names: frozenset[str] = frozenset()
    prefixes: tuple[str, ...] = ()
    outside: bool = False

    def holds(self, name: str) -> bool:
        """Tell whether the interface is in the set; the empty name stands for no interface."""
        return (name in self.names or any(name.startswith(prefix) for prefix in self.prefixes)) != self.outside


@dataclass(frozen=True)
class Unknown:
    """Words of a rule that are not modelled. `rate` is a limit on how many packets match, not on which."""

    text: str
    rate: bool = False


@dataclass(frozen=True)
class Match:
    """The packets that a case is about: all conditions together; None stands for any.

    Addresses are numbers, meaningful in one family alone: a match on an address has just that one in `families`.
    """

    families: frozenset[Family] = BOTH
    source: Intervals | None = None
    destination: Intervals | None = None
    services: Services = ANY_SERVICE
    entry: tuple[Interfaces, ...] = ()
    exit: tuple[Interfaces, ...] = ()
    states: frozenset[State] | None = None
    direction: Direction | None = None
    dnat: bool | None = None
    snat: bool | None = None
    unknown: tuple[Unknown, ...] = ()

    def at(self, family: Family, entry: str, exit_: str) -> bool:
        """Tell whether it can hold for packets of `family` between these interfaces (empty: none)."""
        return (
            family in self.families
            and all(some.holds(entry) for some in self.entry)
            and all(some.holds(exit_) for some in self.exit)
        )

    def tracked_as(self, tracking: Tracking) -> bool:
        """Tell whether its conntrack conditions hold."""
        if self.states is not None and tracking.state not in self.states:
            return False
        asked = ((self.direction, tracking.direction), (self.dnat, tracking.dnat), (self.snat, tracking.snat))
        return all(wanted is None or (tracking.direction is not None and wanted == found) for wanted, found in asked)

    def mirrored(self) -> Match:
        """Return the same condition on an answer, said of the packet that it answers."""
        return replace(self, source=self.destination, destination=self.source, services=self.services.mirrored())


class Verb(StrEnum):
    """What happens to a packet that a case matches."""

    ACCEPT = "accept"
    DROP = "drop"
    RETURN = "return"
    JUMP = "jump"
    GOTO = "goto"
    CONTINUE = "continue"
    TRANSLATE = "translate"
    NOTRACK = "notrack"
    UNKNOWN = "unknown"


FINAL = frozenset({Verb.ACCEPT, Verb.DROP, Verb.RETURN, Verb.GOTO, Verb.UNKNOWN, Verb.TRANSLATE})
"""After these a packet goes no further in the chain."""


@dataclass(frozen=True)
class Translation:
    """What a nat rule writes: new addresses and new ports, None to keep them.

    `own` stands for an address of the machine itself: masquerade (source) and redirect (destination).
    """

    side: Literal["source", "destination"]
    addresses: Intervals | None = None
    ports: Intervals | None = None
    own: bool = False


@dataclass(frozen=True)
class Verdict:
    """A verb, the chain that jump and goto name, the translation of a nat rule. UNKNOWN may accept or drop.

    `astray` says that the packet may also become another, or go elsewhere: what becomes of it cannot be followed.
    """

    verb: Verb
    chain: str = ""
    translation: Translation | None = None
    astray: bool = False


@dataclass(frozen=True)
class Case:
    """One match and its verdict; `label` is the comment of the set's element that it stands for, if any."""

    match: Match
    verdict: Verdict
    label: str = ""


@dataclass(frozen=True)
class Place:
    """Where a rule stands: table (`inet beffroi`), chain, position in it from 1, kernel handle, comment, text.

    Position 0 stands for the chain itself and its policy. Printed, the names that a machine gave are made harmless.
    """

    table: str
    chain: str
    position: int
    handle: int = 0
    comment: str = ""
    text: str = ""

    def __str__(self) -> str:
        where = visible(f"{self.table} {self.chain}")
        return f"{where} rule {self.position}" if self.position else where


@dataclass(frozen=True)
class Rule:
    """A rule: the cases that it tries in order, and where it is written.

    `speaks` tells that it does more than its verdict: it logs, or answers (reject), so it would be missed.
    """

    cases: tuple[Case, ...]
    place: Place
    speaks: bool = False


@dataclass(frozen=True)
class Hook:
    """Where the kernel calls a chain: `kind` is filter, nat or route; lower priorities come first."""

    kind: str
    hook: str
    priority: int
    policy: Literal["accept", "drop"]
    devices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Chain:
    """Rules in order; a chain without a hook is only reached by jump or goto."""

    name: str
    rules: tuple[Rule, ...]
    hook: Hook | None = None


@dataclass(frozen=True)
class Table:
    """Chains by name. `family` is ip, ip6, inet, bridge, arp or netdev: it says which packets its hooks see."""

    family: str
    name: str
    chains: dict[str, Chain]


class Aside(NamedTuple):
    """A rule that changes how other packets are seen, which is not followed.

    `zone`: conntrack looks up a packet's connection elsewhere, so an answer may belong to none. `helper`: connections
    that are none of the rule's may become related. `offload`: later packets skip the forward hook.
    """

    sort: Literal["zone", "helper", "offload"]
    text: str


@dataclass(frozen=True)
class Firewall:
    """The whole ruleset of one machine. `remarks` lists what was read and not modelled, for people."""

    tables: tuple[Table, ...]
    remarks: tuple[str, ...] = field(default=())
    asides: tuple[Aside, ...] = field(default=())

    def leaves_open(self, sort: Literal["zone", "helper", "offload"]) -> bool:
        """Tell whether a rule changes, in this way, how other packets are seen."""
        return any(aside.sort == sort for aside in self.asides)

    def hooked(self, hook: str, family: Family) -> list[tuple[Table, Chain]]:
        """Return the chains that IP packets of `family` meet on `hook`, by priority.

        Among equals the kernel calls first the one that was registered last (nf_hook_entries_grow).
        """
        seen = {"inet", "ip" if family == 4 else "ip6"}  # noqa: PLR2004 - the families are called by their number
        found = [
            (chain.hook.priority, table, chain)
            for table in self.tables
            if table.family in seen
            for chain in table.chains.values()
            if chain.hook is not None and chain.hook.hook == hook
        ]
        found.reverse()
        return [(table, chain) for _, table, chain in sorted(found, key=lambda each: each[0])]
