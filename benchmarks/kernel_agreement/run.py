"""How many packets agree: random rulesets in the kernel, forged packets, and the model. Needs root and nft.

    benchmarks/kernel_agreement/run.py 500000 --seed 1

Prints counts by sort of packet, every disagreement whole, and last `ratio mismatches FOUND goal 0`.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from kernel.campaign import campaign

_SHOWN = 10


def main() -> int:
    """Judge rulesets until enough packets were sent; return 1 when one disagreed."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("packets", type=int, nargs="?", default=20_000)
    asked.add_argument("--seed", type=int, default=1)
    wanted = asked.parse_args()
    began = time.monotonic()
    with campaign() as judging:
        while judging.packets < wanted.packets:
            judging.ruleset(wanted.seed + judging.rulesets)
    seconds = time.monotonic() - began
    for sort, count in sorted(judging.tally.items()):
        print(f"{count:9}  {sort}")
    print(*judging.wrong[:_SHOWN], sep="\n")
    print(f"seeds {wanted.seed} to {wanted.seed + judging.rulesets - 1}: {judging.packets} packets in {seconds:.1f} s")
    print(f"ratio mismatches {len(judging.wrong)} goal 0")
    return bool(judging.wrong)


if __name__ == "__main__":
    raise SystemExit(main())
