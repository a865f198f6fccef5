"""How long the difference of one edited rule takes among 10,000: `python benchmarks/network/difference.py`.

The peer is our own evaluation of both whole rulesets, in the same run: it also judges the answer. The edited ruleset is
a copy that shares no object with the first, as when both were read from files. Times are processor seconds.
"""

from __future__ import annotations

import copy
import sys
import time
from collections.abc import Callable
from random import Random

from towns_drawn import Row, Town, firewall, realistic, stress, town

from beffroi.network.alteration import Alteration, Comparison, compare_rulesets
from beffroi.network.evaluate import Situation, prepare
from beffroi.network.firewall import Family, Firewall, Verb
from beffroi.network.packets import PacketSet, box, carried, united
from beffroi.network.space import Space, matches_of, space_of

SEGMENTS, RULES, EDITS, JUDGED = 200, 10_000, 100, 8
GOAL_MILLISECONDS = 100.0
DRAWS = {"realistic": realistic, "stress": stress}
Rows = list[tuple[Family, Row]]
Edit = Callable[[Random, Rows, Rows], None]


def deleted(random: Random, rows: Rows, _more: Rows) -> None:
    """Drop a rule."""
    rows.pop(random.randrange(len(rows)))


def inserted(random: Random, rows: Rows, more: Rows) -> None:
    """Put a rule somewhere."""
    rows.insert(random.randrange(len(rows)), more.pop())


def flipped(random: Random, rows: Rows, _more: Rows) -> None:
    """Turn a rule's verdict round."""
    at = random.randrange(len(rows))
    family, (source, destination, services, verb) = rows[at]
    rows[at] = family, (source, destination, services, Verb.DROP if verb is Verb.ACCEPT else Verb.ACCEPT)


def moved(random: Random, rows: Rows, _more: Rows) -> None:
    """Put a rule before all others."""
    rows.insert(0, rows.pop(random.randrange(len(rows))))


def widened(random: Random, rows: Rows, _more: Rows) -> None:
    """Let a rule take packets from anywhere."""
    at = random.randrange(len(rows))
    family, (_, destination, services, verb) = rows[at]
    rows[at] = family, (None, destination, services, verb)


EDITS_MADE: tuple[Edit, ...] = (deleted, inserted, flipped, moved, widened)


def timed(old: Firewall, new: Firewall) -> tuple[float, Comparison]:
    """Return the processor milliseconds of a comparison, and what it found."""
    start = time.process_time()
    found = compare_rulesets(old, new)
    return (time.process_time() - start) * 1000, found


def percentile(values: list[float], share: float) -> float:
    """Return the value that a share of the others does not exceed."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def judged(old: Firewall, new: Firewall, found: Comparison) -> float:
    """Evaluate both wholly, and end the run if the comparison says otherwise; return the milliseconds of that."""
    start = time.process_time()
    for family in (4, 6):
        space = space_of(family, [*matches_of(old, tracked=True), *matches_of(new, tracked=True)])
        before, after = (accepted(each, space) for each in (old, new))
        for sort, whole in (("opened", after - before), ("closed", before - after)):
            told = [each for each in found.alterations if (each.sort, each.family) == (sort, family)]
            if united(space, (carried(each.packets, space) for each in told if new_ones(each))) != whole:
                sys.exit(f"the comparison and the whole evaluation disagree: {sort} IPv{family}")
    return (time.process_time() - start) * 1000


def accepted(policy: Firewall, space: Space) -> PacketSet:
    """Return the new packets of one family that the whole ruleset accepts."""
    ((table, chain),) = policy.hooked("forward", space.family)
    return prepare(space, table, chain, Situation()).run(box(space)).accepted


def new_ones(alteration: Alteration) -> bool:
    """Tell whether it is about the packets that begin a connection."""
    return any(each.tracking == Situation().tracking for each in alteration.situations)


def measured(name: str) -> float:
    """Compare EDITS edits of one policy; return the 95th percentile in milliseconds."""
    random = Random(7)  # noqa: S311 - a policy to measure is no secret
    where = town(random, SEGMENTS)
    rows, more = drawn(name, where, random, RULES), drawn(name, where, random, EDITS)
    old = firewall(rows)
    times, whole = [], []
    for number in range(EDITS):
        edit = EDITS_MADE[number % len(EDITS_MADE)]
        changed = rows.copy()
        edit(random, changed, more)
        new = firewall(copy.deepcopy(changed))
        milliseconds, found = timed(old, new)
        times.append(milliseconds)
        if number < JUDGED:
            whole.append(judged(old, new, found))
    p50, p95, most = percentile(times, 0.5), percentile(times, 0.95), max(times)
    print(f"{name}: {RULES} rules, {EDITS} edits: p50 {p50:.0f} ms, p95 {p95:.0f} ms, most {most:.0f} ms")
    print(f"  both evaluated wholly, new packets alone: p50 {percentile(whole, 0.5):.0f} ms; {len(whole)} edits agree")
    return p95


def drawn(name: str, where: Town, random: Random, count: int) -> Rows:
    """Draw rules, of each family in turn."""
    families: tuple[Family, Family] = (4, 6)
    return [(family, DRAWS[name](random, where, family)) for _ in range(count // 2) for family in families]


def main() -> None:
    """Measure both policies."""
    found = {name: measured(name) for name in DRAWS}
    for name, milliseconds in found.items():
        print(f"ratio difference-{name}-p95-to-goal {milliseconds / GOAL_MILLISECONDS:.2f} goal 1.00")


if __name__ == "__main__":
    main()
