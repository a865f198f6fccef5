"""From what a rule names, `{"payload": ...}` or `{"meta": ...}`, to the key that it reads. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

from beffroi.fieldpath import visible
from beffroi.network.firewall import BOTH, LAST_ADDRESS, Direction, Family, Match, Unknown
from beffroi.network.intervals import Intervals, holds, intersection
from beffroi.network.services import ICMP, ICMPV6, LAST_PORT, LAST_PROTOCOL, NUMBERS, PORTED, TCP, Box, Services, only

from .keys import InterfaceKey, Key, NumberKey, StatusKey, UnknownKey, some
from .matches import ANYTHING, Alternatives, doubted
from .numbers import Scale
from .refusals import malformed
from .words import (
    DIRECTIONS,
    ETHERTYPES,
    FAMILIES,
    ICMP_CODES,
    ICMP_TYPES,
    ICMPV6_CODES,
    ICMPV6_TYPES,
    PROTOCOLS,
    STATE_BITS,
    STATES,
    TCP_FLAGS,
)

_PORTS = {"tcp": (6,), "udp": (17,), "dccp": (33,), "sctp": (132,), "udplite": (136,), "th": PORTED}
_NUMBERED = {"icmp": ICMP, "icmpv6": ICMPV6}
_FAMILY: dict[str, Family] = {"ip": 4, "ip6": 6}
_NOT_PORTED = Services((Box(tuple(each for each in ((0, 5), (7, 16), (18, 32), (34, 131), (133, 135), (137, 255)))),))


@dataclass(frozen=True)
class Setting:
    """Where a rule stands, as far as it says what its words mean: the family of its table."""

    table_family: str

    @property
    def families(self) -> frozenset[Family]:
        """Return the families of packets that the table sees."""
        known: dict[str, frozenset[Family]] = {"ip": frozenset({4}), "ip6": frozenset({6})}
        return known.get(self.table_family, BOTH)


def key_of(expression: object, setting: Setting) -> Key:
    """Return the key that an expression reads; NotAFirewall for what nft never prints."""
    text = repr(expression)
    if len(text) > LONGEST_KEPT:
        return _key_of(expression, setting)
    return _key_written(Written(text, expression), setting)


LONGEST_KEPT = 4096
"""The longest text of what is read once for all that is written the same."""


@dataclass(frozen=True)
class Written:
    """A part of a document as a key of a cache: the same when it is written the same."""

    text: str
    value: Any = field(compare=False)


@lru_cache(maxsize=1024)
def _key_written(written: Written, setting: Setting) -> Key:
    """Return the same, once: the rules of a thousand machines read the same few keys."""
    return _key_of(written.value, setting)


def _key_of(expression: object, setting: Setting) -> Key:
    doubt = Unknown(shown(expression))
    if not isinstance(expression, dict) or len(expression) != 1:
        raise malformed(expression)
    ((sort, about),) = expression.items()
    reader = _READERS.get(sort)
    if reader is None:
        return UnknownKey(ANYTHING, doubt)
    if not isinstance(about, dict):
        raise malformed(expression)
    return reader(about, setting, doubt)


def shown(expression: object) -> str:
    """Return unmodelled words as a person may read them."""
    return visible(json.dumps(expression, separators=(",", ":"), ensure_ascii=False, default=str)[:200])


def _payload(about: dict[str, object], setting: Setting, doubt: Unknown) -> Key:
    protocol, name = about.get("protocol"), about.get("field")
    if not isinstance(protocol, str) or not isinstance(name, str):
        return UnknownKey(ANYTHING, doubt)
    if protocol in _FAMILY:
        return _header(_FAMILY[protocol], name, doubt)
    if protocol in _PORTS and name in {"sport", "dport"}:
        return _port(_PORTS[protocol], name, protocol == "th", doubt)
    if protocol == "tcp" and name == "flags":
        return NumberKey(Scale(255, TCP_FLAGS, bits=True), _flags, doubt)
    if protocol in _NUMBERED and name in {"type", "code"}:
        return _icmp(protocol, name, setting, doubt)
    within = _carried(_PORTS[protocol]) if protocol in _PORTS and protocol != "th" else ANYTHING
    if protocol in _NUMBERED:
        within = _carried((_NUMBERED[protocol],))
    return UnknownKey(within, doubt)


def _carried(protocols: Iterable[int]) -> Alternatives:
    return (Match(services=Services((Box(only(protocols)),))),)


def _header(family: Family, name: str, doubt: Unknown) -> Key:
    families = frozenset({family})
    if name in {"saddr", "daddr"}:

        def narrow(addresses: Intervals) -> Alternatives:
            whole = addresses == ((0, LAST_ADDRESS[family]),)
            wanted = None if whole else addresses
            if name == "saddr":
                return some(Match(families=families, source=wanted))
            return some(Match(families=families, destination=wanted))

        return NumberKey(Scale(LAST_ADDRESS[family], family=family), narrow, doubt)
    if name in {"protocol", "nexthdr"}:
        narrow_protocol = _within(families, _protocols)
        return NumberKey(Scale(LAST_PROTOCOL, PROTOCOLS), narrow_protocol, doubt)
    return UnknownKey((Match(families=families),), doubt)


def _within(
    families: frozenset[Family], narrow: Callable[[Intervals], Alternatives]
) -> Callable[[Intervals], Alternatives]:
    return lambda numbers: tuple(replace(each, families=families) for each in narrow(numbers))


def _protocols(numbers: Intervals) -> Alternatives:
    return some(Match(services=Services((Box(numbers),)))) if numbers else ()


def _port(protocols: tuple[int, ...], name: str, anywhere: bool, doubt: Unknown) -> Key:  # noqa: FBT001 - th or not
    carried = only(protocols)
    # `th dport` reads two bytes of whatever header follows: of protocols without ports it says nothing known.
    others = doubted((Match(services=_NOT_PORTED),), doubt) if anywhere else ()

    def narrow(ports: Intervals) -> Alternatives:
        if not ports:
            return others
        first, second = (ports, NUMBERS) if name == "sport" else (NUMBERS, ports)
        return Match(services=Services((Box(carried, first, second),))), *others

    return NumberKey(Scale(LAST_PORT), narrow, doubt)


def _flags(values: Intervals) -> Alternatives:
    bits = sum(1 << value for low, high in values for value in range(low, high + 1))
    return (Match(services=Services((Box(only([TCP]), flags=bits),))),) if bits else ()


def _icmp(protocol: str, name: str, setting: Setting, doubt: Unknown) -> Key:
    number = _NUMBERED[protocol]
    family: Family = 4 if number == ICMP else 6
    words = {
        ("icmp", "type"): ICMP_TYPES,
        ("icmp", "code"): ICMP_CODES,
        ("icmpv6", "type"): ICMPV6_TYPES,
        ("icmpv6", "code"): ICMPV6_CODES,
    }[protocol, name]

    def narrow(values: Intervals) -> Alternatives:
        if not values:
            return ()
        first, second = (values, NUMBERS) if name == "type" else (NUMBERS, values)
        services = Services((Box(only([number]), first, second),))
        sure = (Match(families=frozenset({family}), services=services),)
        strange = frozenset(each for each in BOTH if each != family) & setting.families
        # In an inet table nft prints `meta l4proto icmp icmp type X` and `icmp type X` with the same words.
        return (*sure, *doubted((Match(families=strange, services=services),), doubt)) if strange else sure

    return NumberKey(Scale(255, words), narrow, doubt)


def _ethertypes(values: Intervals) -> Alternatives:
    families = frozenset(family for family, number in ((4, 0x0800), (6, 0x86DD)) if holds(values, number))
    return (Match(families=families),) if families else ()  # type: ignore[arg-type]


def _meta(about: dict[str, object], setting: Setting, doubt: Unknown) -> Key:
    del setting
    name = about.get("key")
    if name in {"iif", "iifname"}:
        return InterfaceKey(entering=True, doubt=doubt)
    if name in {"oif", "oifname"}:
        return InterfaceKey(entering=False, doubt=doubt)
    if name == "l4proto":
        return NumberKey(Scale(LAST_PROTOCOL, PROTOCOLS), _protocols, doubt)
    if name == "nfproto":
        return NumberKey(Scale(255, FAMILIES), _nfprotos, doubt)
    if name == "protocol":
        return NumberKey(Scale(0xFFFF, ETHERTYPES), _ethertypes, doubt)
    return UnknownKey(ANYTHING, doubt)


def _nfprotos(values: Intervals) -> Alternatives:
    families = frozenset(family for family, number in ((4, 2), (6, 10)) if holds(values, number))
    return (Match(families=families),) if families else ()  # type: ignore[arg-type]


def _ct(about: dict[str, object], setting: Setting, doubt: Unknown) -> Key:
    del setting
    name = about.get("key")
    if name == "state":
        return NumberKey(Scale(127, STATES, bits=True), _states, doubt)
    if name == "status" and "dir" not in about:
        return StatusKey(doubt)
    if name == "direction":
        return NumberKey(Scale(1, DIRECTIONS), _directions, doubt)
    return UnknownKey(ANYTHING, doubt)


def _states(values: Intervals) -> Alternatives:
    states = frozenset(state for state, bit in STATE_BITS.items() if holds(values, bit))
    return (Match(states=states),) if states else ()


def _directions(values: Intervals) -> Alternatives:
    ways = ((Direction.ORIGINAL, 0), (Direction.REPLY, 1))
    return tuple(Match(direction=direction) for direction, number in ways if intersection(values, ((number, number),)))


_READERS: dict[str, Callable[[dict[str, object], Setting, Unknown], Key]] = {
    "payload": _payload,
    "meta": _meta,
    "ct": _ct,
}
