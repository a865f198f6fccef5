"""Small firewalls drawn at random, and the few packets that tell all in them apart: what tests of engines share."""

from __future__ import annotations

from functools import cache
from itertools import product
from random import Random
from typing import Literal, NamedTuple, TypeVar

from beffroi.network.conntrack import Packet
from beffroi.network.firewall import (
    BOTH,
    LAST_ADDRESS,
    Case,
    Chain,
    Direction,
    Family,
    Firewall,
    Hook,
    Interfaces,
    Match,
    Place,
    Rule,
    State,
    Table,
    Tracking,
    Translation,
    Unknown,
    Verb,
    Verdict,
)
from beffroi.network.intervals import Intervals, normal
from beffroi.network.services import ACK, ANY_SERVICE, SYN, Box, Point, Services, only, ported

DEVICES = ("", "lan0", "lan1", "wan")
TRACKINGS = (
    Tracking(State.NEW, Direction.ORIGINAL),
    Tracking(State.NEW, Direction.ORIGINAL, dnat=True),
    Tracking(State.ESTABLISHED, Direction.ORIGINAL),
    Tracking(State.ESTABLISHED, Direction.REPLY, snat=True),
    Tracking(State.RELATED, Direction.ORIGINAL),
    Tracking(State.INVALID),
    Tracking(State.UNTRACKED),
)
POINTS = (
    Point(6, 50000, 22, SYN),
    Point(6, 50000, 22, ACK),
    Point(6, 22, 443, SYN),
    Point(6, 80, 22, SYN | ACK),
    Point(17, 50000, 53, 0),
    Point(17, 53, 22, 0),
    Point(132, 50000, 22, 0),
    Point(1, 8, 0, 0),
    Point(1, 3, 4, 0),
    Point(58, 128, 0, 0),
    Point(58, 135, 0, 0),
    Point(47, 0, 0, 0),
)
_FLAGGED = sum(1 << flags for flags in range(256) if flags & (SYN | ACK) == SYN)
SERVICES = (
    ANY_SERVICE,
    ported([6], second=((22, 22),)),
    ported([6], second=((22, 80),)),
    ported([6, 17], first=((1024, 65535),), second=((0, 52), (54, 65535))),
    ported([17], second=((53, 53),)),
    ported([6, 17, 33, 132, 136], second=((22, 53),)),
    Services((Box(only([6]), flags=_FLAGGED),)),
    Services((Box(only([6]), second=((22, 22),), flags=_FLAGGED), Box(only([17])))),
    Services((Box(only([1]), ((8, 8),)),)),
    Services((Box(only([1, 58])),)),
    Services((Box(only([58]), ((133, 136),)),)),
    Services((Box(((0, 5), (7, 255))),)),
    Services((Box(only([47])),)),
)
_VERBS = (
    *(Verb.ACCEPT,) * 6,
    *(Verb.DROP,) * 5,
    *(Verb.JUMP,) * 4,
    *(Verb.GOTO,) * 2,
    *(Verb.RETURN,) * 2,
    *(Verb.TRANSLATE,) * 2,
    Verb.CONTINUE,
    Verb.NOTRACK,
    Verb.UNKNOWN,
)
Policy = Literal["accept", "drop"]
_T = TypeVar("_T")
_TRANSLATION = Translation("destination", ((7, 7),))


class Ask(NamedTuple):
    """What is drawn: how often a case has words that are not modelled, and whether verbs are accept and drop alone."""

    unknown: float = 0.1
    plain: bool = False


def addresses(family: Family) -> tuple[int, ...]:
    """Return one address of each side of every bound that a drawn match has."""
    return (0, 10, 11, 15, 16, LAST_ADDRESS[family])


@cache
def universe(family: Family) -> list[Packet]:
    """Return packets of which two differ in no drawn firewall only if nothing in it can tell them apart."""
    sides = addresses(family)
    return [Packet(family, source, target, point) for source, target, point in product(sides, sides, POINTS)]


def drawn(random: Random, ask: Ask = Ask()) -> Firewall:  # noqa: B008 - an immutable default
    """Draw a firewall of one table and up to four chains; a chain jumps to later ones alone, as the kernel wants."""
    names = ["forward", "first", "second", "third"][: random.randint(1, 4)]
    chains = {}
    for at, name in enumerate(names):
        rules = tuple(
            Rule(
                tuple(_case(random, names[at + 1 :], ask) for _ in range(random.choice((1, 1, 1, 2)))), _place(name, i)
            )
            for i in range(1, random.randint(2, 6))
        )
        policy: Policy = random.choice(("accept", "drop"))
        chains[name] = Chain(name, rules, Hook("filter", "forward", 0, policy) if at == 0 else None)
    return Firewall((Table("inet", "drawn", chains),))


def _place(chain: str, position: int) -> Place:
    return Place("inet drawn", chain, position)


def _case(random: Random, reachable: list[str], ask: Ask) -> Case:
    verb = random.choice(_VERBS[:11] if ask.plain else _VERBS)
    chain = ""
    if verb in {Verb.JUMP, Verb.GOTO}:
        if reachable:
            chain = random.choice(reachable)
        else:
            verb = Verb.ACCEPT
    translation = _TRANSLATION if verb is Verb.TRANSLATE else None
    return Case(_match(random, ask), Verdict(verb, chain, translation))


def _match(random: Random, ask: Ask) -> Match:
    source, destination = _ranges(random), _ranges(random)
    families: frozenset[Family] = BOTH
    if source is not None or destination is not None or random.random() < 0.2:
        families = frozenset({random.choice((4, 6))})
    return Match(
        families,
        source,
        destination,
        random.choice(SERVICES),
        entry=_interfaces(random),
        exit=_interfaces(random),
        states=_some(random, frozenset(random.sample(list(State), random.randint(1, 4)))),
        direction=_some(random, random.choice(list(Direction)), 0.1),
        dnat=_some(random, random.random() < 0.5, 0.1),
        snat=_some(random, random.random() < 0.5, 0.1),
        unknown=(Unknown("limit rate 1/second", rate=True),) if random.random() < ask.unknown else (),
    )


def _some(random: Random, value: _T, often: float = 0.2) -> _T | None:
    return value if random.random() < often else None


def _ranges(random: Random) -> Intervals | None:
    pool = ((0, 0), (10, 10), (11, 11), (10, 14), (11, 15), (15, 15), (16, LAST_ADDRESS[4]), (0, 9))
    return None if random.random() < 0.45 else normal(random.sample(pool, random.randint(1, 3)))


def _interfaces(random: Random) -> tuple[Interfaces, ...]:
    if random.random() < 0.75:
        return ()
    names = frozenset(random.sample(DEVICES[1:], random.randint(0, 2)))
    return (Interfaces(names, random.choice(((), ("lan",))), outside=random.random() < 0.4),)
