"""What the benchmark asks of our engine: every header, every pass, every pair of segments."""

from __future__ import annotations

from collections.abc import Iterator

from towns_drawn import Town

from beffroi.network.evaluate import Situation, prepare
from beffroi.network.firewall import Direction, Family, Firewall, Match, State, Tracking
from beffroi.network.packets import box
from beffroi.network.pairs import Pairs
from beffroi.network.space import matches_of, space_of

PASSES = {
    "new": Situation(),
    "reply": Situation(tracking=Tracking(State.ESTABLISHED, Direction.REPLY), answering=True),
    "related": Situation(tracking=Tracking(State.RELATED, Direction.ORIGINAL)),
    "invalid": Situation(tracking=Tracking(State.INVALID)),
    "untracked": Situation(tracking=Tracking(State.UNTRACKED)),
}


def prove(policy: Firewall, where: Town, family: Family) -> dict[str, int]:
    """Return for each pass how many ordered pairs of segments have a packet through: all of them looked at."""
    groups = where.named(family)
    only: frozenset[Family] = frozenset({family})
    cuts: Iterator[Match] = (Match(only, each, each) for each in groups.values())
    space = space_of(family, [*cuts, *matches_of(policy, tracked=True)])
    ((table, chain),) = policy.hooked("forward", family)
    full, pairs = box(space), Pairs(space, groups)
    return {
        name: len(pairs.open(prepare(space, table, chain, situation).run(full).accepted))
        for name, situation in PASSES.items()
    }
