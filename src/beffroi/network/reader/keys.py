"""What a rule looks at in a packet, `ip saddr` or `ct state`, and what a test of it matches. Pure.

Each key brings what nft and the kernel check before they read it (`nft --debug=netlink` shows it): `tcp dport` is read
in TCP alone, `ip saddr` in IPv4 alone. One trap: in an inet table nft lists `meta l4proto icmp icmp type X` and
`icmp type X` with the same words, although only the second looks at the family. So ICMP's numbers in an IPv6 packet,
and ICMPv6's in an IPv4 packet, are unknown there, unless the rule says its family in other words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Protocol

from beffroi.network.firewall import Interfaces, Match, Unknown
from beffroi.network.intervals import Intervals

from .matches import ANYTHING, Alternatives, conjunction, doubted
from .numbers import Scale, Test, equal_to, number, satisfying
from .refusals import NotModelled, malformed
from .words import STATUS

Narrow = Callable[[Intervals], Alternatives]


class Key(Protocol):
    """Something that a rule tests."""

    def matching(self, test: Test) -> Alternatives:
        """Return what the test matches."""

    def readable(self) -> Alternatives:
        """Return the packets in which the key can be read at all: no test of it, even negated, matches others."""


@dataclass(frozen=True)
class NumberKey:
    """A key whose values are numbers."""

    scale: Scale
    narrow: Narrow
    doubt: Unknown

    def matching(self, test: Test) -> Alternatives:
        """Return what the test matches; a value that is not modelled leaves a doubt."""
        try:
            return self.narrow(satisfying(test, self.scale))
        except NotModelled:
            return doubted(self.readable(), self.doubt)

    def readable(self) -> Alternatives:
        """Return the packets that have such a number."""
        return self.narrow(((0, self.scale.top),))


@dataclass(frozen=True)
class InterfaceKey:
    """The name of the interface that a packet came by, or leaves by: `entering` tells which."""

    entering: bool
    doubt: Unknown

    def matching(self, test: Test) -> Alternatives:
        """Return what the test matches. A name's last `*` stands for any ending, unless it is escaped."""
        if test.mask is not None or test.operator not in {"==", "!=", "in"}:
            return doubted(ANYTHING, self.doubt)
        if test.catchall:
            return () if test.operator == "!=" else ANYTHING
        names, prefixes = set(), []
        for value in test.values:
            if not isinstance(value, str):
                return doubted(ANYTHING, self.doubt)
            if value.endswith("\\*"):
                names.add(value[:-2] + "*")
            elif value.endswith("*"):
                prefixes.append(value[:-1])
            else:
                names.add(value)
        found = Interfaces(frozenset(names), tuple(sorted(prefixes)), outside=test.operator == "!=")
        return (Match(entry=(found,)) if self.entering else Match(exit=(found,)),)

    def readable(self) -> Alternatives:
        """Return everything: a packet without an interface has an empty name."""
        return ANYTHING


@dataclass(frozen=True)
class StatusKey:
    """`ct status`: of its bits, only `snat` and `dnat` are modelled."""

    doubt: Unknown

    def matching(self, test: Test) -> Alternatives:
        """Return what the test matches: a test of other bits leaves a doubt."""
        scale = Scale(2**32 - 1, STATUS)
        try:
            value = number(test.values[0], scale) if len(test.values) == 1 else None
            mask = value if test.mask is None else number(test.mask, scale)
        except NotModelled:
            value = mask = None
        any_of = test.mask is None and not test.several and test.operator in {"in", "!"}
        masked = test.mask is not None and test.operator in {"==", "!="}
        if value is None or mask is None or mask & ~(STATUS["snat"] | STATUS["dnat"]) or not (any_of or masked):
            return doubted(self.readable(), self.doubt)
        found = []
        for dnat, snat in product((True, False), repeat=2):
            bits = (dnat * STATUS["dnat"] | snat * STATUS["snat"]) & mask
            held = bool(bits) if any_of else bits == value
            if held != (test.operator in {"!", "!="}):
                found.append(Match(dnat=dnat, snat=snat))
        return tuple(found)

    def readable(self) -> Alternatives:
        """Return the packets of a connection."""
        return Match(dnat=True), Match(dnat=False)


@dataclass(frozen=True)
class UnknownKey:
    """A key that is not modelled, in the packets that nft reads it in."""

    within: Alternatives
    doubt: Unknown

    def matching(self, _test: Test) -> Alternatives:
        """Return the packets that have the key, in doubt."""
        return self.readable()

    def readable(self) -> Alternatives:
        """Return the packets that have the key, in doubt."""
        return doubted(self.within, self.doubt)


class Together:
    """Several keys that the elements of one set are about.

    What a part of an element means is worked out once, and so is what its last two parts mean together: a town has
    many addresses, and few protocols with few ports.
    """

    def __init__(self, keys: Sequence[Key]) -> None:
        self.keys = keys
        self._known: list[dict[_Written, Alternatives]] = [{} for _ in keys]
        self._lasts: dict[tuple[_Written, ...], Alternatives] = {}

    def matching(self, element: object) -> Alternatives:
        """Return what an element matches: `{"concat": [...]}`, or `*` for whatever can be read."""
        if element == "*":
            return conjunction(*(key.readable() for key in self.keys))
        parts = element.get("concat") if isinstance(element, dict) else None
        if not isinstance(parts, list) or len(parts) != len(self.keys):
            raise malformed(element)
        written = [part if isinstance(part, str) else (repr(part),) for part in parts]
        meant = [self._part(at, written[at], part) for at, part in enumerate(parts)]
        if len(meant) <= _TOGETHER:
            return conjunction(*meant)
        lasts = tuple(written[-_TOGETHER:])
        if lasts not in self._lasts:
            self._lasts[lasts] = conjunction(*meant[-_TOGETHER:])
        return conjunction(*meant[:-_TOGETHER], self._lasts[lasts])

    def _part(self, at: int, written: _Written, part: object) -> Alternatives:
        known = self._known[at]
        if written not in known:
            known[written] = self.keys[at].matching(equal_to(part))
        return known[written]


_TOGETHER = 2
_Written = str | tuple[str]
"""A part as a key: a text is not the same as what is written like it."""


def some(match: Match) -> Alternatives:
    """Return the match, or nothing when its numbers are empty."""
    empty = match.source == () or match.destination == () or not match.families or not all(match.services.boxes)
    return () if empty else (match,)
