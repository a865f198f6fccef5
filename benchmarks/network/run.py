"""How long an exact proof of all pairs takes: `python benchmarks/network/run.py`, with requirements.txt installed.

Peers on the same policies in the same run: CUDD through `dd`, and z3. Times are processor seconds of one process, so
that what else runs on the machine counts little. Nothing here gates on a time: the last lines are ratios to the goals.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Callable
from itertools import islice, product
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import TypeVar

from ours import prove
from peers import Diagrams, Solver
from towns_drawn import Row, Town, firewall, realistic, stress, town

from beffroi.network.firewall import Family

T = TypeVar("T")
DRAWS = {"realistic": realistic, "stress": stress}
GOALS = {"realistic": 1.0, "stress": 2.0}
LARGE_GOAL, LARGE_MEMORY_GOAL_KIB, Z3_PAIRS = 10.0, 1024 * 1024, 20
CURVE = (1_000, 3_000, 10_000, 30_000, 100_000)


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """Return the processor seconds that some work takes, and what it returns."""
    start = time.process_time()
    answer = work()
    return time.process_time() - start, answer


def drawn(name: str, size: int, count: int) -> tuple[Town, list[tuple[Family, Row]]]:
    """Draw a town and its rules, one of each family in turn."""
    random = Random(1)  # noqa: S311 - a policy to measure is no secret
    where = town(random, size)
    families: tuple[Family, Family] = (4, 6)
    return where, [(family, DRAWS[name](random, where, family)) for _ in range(count // 2) for family in families]


def ours(name: str, size: int, count: int) -> tuple[float, int, int]:
    """Prove both families in all passes; return seconds, this process's peak in KiB, and the open pairs of IPv4."""
    where, rows = drawn(name, size, count)
    policy = firewall(rows)
    seconds, opened = timed(lambda: [prove(policy, where, family)["new"] for family in (4, 6)])
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, opened[0]


def alone(name: str, size: int, count: int) -> tuple[float, int, int]:
    """Do it in a process of its own."""
    with get_context("spawn").Pool(1) as pool:
        return pool.apply(ours, (name, size, count))


def beside(name: str) -> None:
    """Print what the peers take for IPv4's new packets alone, a fifth of what ours proves."""
    where, both = drawn(name, 200, 10_000)
    rows = [row for family, row in both if family == 4]  # noqa: PLR2004 - the families are called by their number
    diagrams = Diagrams()
    encoding, formula = timed(lambda: diagrams.accepted(rows))
    asking, opened = timed(lambda: diagrams.open(formula, where))
    print(f"  CUDD, v4 new alone: {encoding:.2f} s to build, {asking:.2f} s for all pairs, {opened} open")
    encoding, solver = timed(lambda: Solver(rows))
    pairs = list(islice(product(where.segments[4], repeat=2), Z3_PAIRS))
    asking, _ = timed(lambda: [solver.open(*pair) for pair in pairs])
    print(f"  z3, v4 new alone: {encoding:.2f} s to encode, {asking / Z3_PAIRS * 1000:.1f} ms a pair of 40,000")


def main() -> None:
    """Measure; write the growth as CSV where the first argument says."""
    print(f"machine: {os.cpu_count()} cores; load {os.getloadavg()[0]:.1f}")
    ratios = []
    for name, goal in GOALS.items():
        seconds, peak, opened = alone(name, 200, 10_000)
        print(f"{name}: 200 segments, 5,000 rules a family, v4 + v6, 5 passes: {seconds:.2f} s, {peak // 1024} MiB")
        print(f"  ours: {opened} pairs of IPv4 open")
        ratios.append((f"{name}-seconds-to-goal", seconds / goal))
        beside(name)
        seconds, peak, _ = alone(name, 200, 20_000)
        print(f"  ours, harder, 10,000 rules a family: {seconds:.2f} s, {peak // 1024} MiB")
    lines = ["rules,seconds,mebibytes"]
    for count in CURVE:
        seconds, peak, _ = alone("realistic", 1000, count)
        lines.append(f"{count},{seconds:.2f},{peak // 1024}")
        print(f"realistic: 1,000 segments, {count} rules: {seconds:.2f} s, {peak // 1024} MiB")
    if sys.argv[1:]:
        Path(sys.argv[1]).write_text("\n".join(lines) + "\n", "utf-8")
    ratios += [("large-seconds-to-goal", seconds / LARGE_GOAL), ("large-memory-to-goal", peak / LARGE_MEMORY_GOAL_KIB)]
    for ratio, value in ratios:
        print(f"ratio {ratio} {value:.2f} goal 1.00")


if __name__ == "__main__":
    main()
