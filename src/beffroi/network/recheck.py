"""Checks a network certificate alone: `python -m beffroi.network.recheck FILE`. Imports nothing of beffroi.

Every new connection is followed again from every place, on dictionaries of service masks instead of the prover's
planes, and compared with the claims and with what is declared. Answers (half-open flows) are not followed. Exit 0: the
certificate holds; 1: the first wrong claim is told; 2: it cannot be read. It stands alone, so it speaks English only.
"""

from __future__ import annotations

import functools
import hashlib
import json
import sys
from operator import and_, or_
from pathlib import Path
from typing import Any

Cells = dict[tuple[int, int], int]  # (source class, destination class) -> a bit for each class of services
MOST_CHARACTERS = 256 * 1024 * 1024
NUMBERED = (6, 17, 33, 132, 136, 1, 58)  # protocols with ports, or with a type and a code
LAST = {4: 2**32 - 1, 6: 2**128 - 1}
EVERY_FLAG = (1 << 256) - 1
WHOLE, ALL = 256 * 65536 * 65536 * 256, [[0, 255, 0, 65535, 0, 65535, f"{EVERY_FLAG:x}"]]
NEW, EARLY = ("new", "invalid"), -200  # what a first packet is to rules: after conntrack looked at it, and before


class _Wrong(Exception):
    """A claim of the certificate does not hold."""


def _require(holds: object, words: str) -> None:
    if not holds:
        raise _Wrong(words)


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _normal(box: list[Any]) -> tuple[int, ...]:
    low, high, f0, f1, s0, s1, flags = *box[:6], int(box[6], 16)
    f0, f1, s0, s1 = (f0, f1, s0, s1) if low == high and low in NUMBERED else (0, 65535, 0, 65535)
    return low, high, f0, f1, s0, s1, flags if low == high == NUMBERED[0] else EVERY_FLAG


def _meet(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...] | None:
    met = tuple((min if at % 2 else max)(one[at], other[at]) for at in range(6))
    flags = one[6] & other[6]
    return (*met, flags) if flags and all(met[at] <= met[at + 1] for at in (0, 2, 4)) else None


def _size(box: tuple[int, ...]) -> int:
    return (box[1] - box[0] + 1) * (box[3] - box[2] + 1) * (box[5] - box[4] + 1) * box[6].bit_count()


def _minus(one: Cells, gone: Cells) -> Cells:
    return {key: rest for key, mask in one.items() if (rest := mask & ~gone.get(key, 0))}


def _together(*many: Cells) -> Cells:
    keys = functools.reduce(or_, (each.keys() for each in many), set[tuple[int, int]]())
    return {key: functools.reduce(or_, (each.get(key, 0) for each in many)) for key in keys}


class _Family:
    """One family of the certificate: classes, checked to be a partition that no bound cuts, and packets followed."""

    def __init__(self, said: dict[str, Any]) -> None:
        self.said, self.machines = said, said["machines"]
        self.found: dict[tuple[str, str], Cells] = {}
        self.axes = {side: said[side] for side in ("sources", "destinations")}
        for side, classes in self.axes.items():
            ranges = sorted(tuple(each) for ranges in classes for each in ranges)
            ends = [-1, *(bound for each in ranges for bound in each), LAST[said["family"]] + 1]
            whole = all(b == a + 1 for a, b in zip(ends[::2], ends[1::2], strict=True))
            _require(whole and all(low <= high for low, high in ranges), f"{side} are no partition")
        self.boxes = [[_normal(box) for box in boxes] for boxes in said["services"]]
        flat = [box for boxes in self.boxes for box in boxes]
        _require(not any(_meet(a, b) for i, a in enumerate(flat) for b in flat[:i]), "services overlap")
        _require(sum(map(_size, flat)) == WHOLE, "services are no partition")
        self._known: dict[str, Any] = {}

    def addresses(self, side: str, ranges: list[list[int]] | None) -> frozenset[int]:
        key = f"{side}{ranges}"
        if key not in self._known:
            wanted, covered = [(0, LAST[6])] if ranges is None else ranges, []
            for number, parts in enumerate(self.axes[side]):
                inside = {any(low <= a and b <= high for low, high in wanted) for a, b in parts}
                clear = all(b < low or high < a or (low <= a and b <= high) for a, b in parts for low, high in wanted)
                _require(clear and len(inside) == 1, f"a bound cuts class {number} of {side}")
                covered += [number] * (inside == {True})
            self._known[key] = frozenset(covered)
        return self._known[key]  # type: ignore[no-any-return]

    def services(self, boxes: list[list[Any]]) -> int:
        key = str(boxes)
        if key not in self._known:
            mask = 0
            for number, parts in enumerate(self.boxes):
                # A box of many protocols means of each what a box of that protocol alone would mean.
                alone = [[(*box[:2], *_normal([*part[:2], *box[2:]])[2:]) for box in boxes] for part in parts]
                met = [[_meet(part, box) for box in each] for part, each in zip(parts, alone, strict=True)]
                inside = {part in found for part, found in zip(parts, met, strict=True)}
                _require(inside == {any(map(any, met))}, f"a bound cuts service class {number}")
                mask |= (inside == {True}) << number
            self._known[key] = mask
        return self._known[key]  # type: ignore[no-any-return]

    def cells(self, about: dict[str, Any], services: str = "services") -> Cells:
        """Return a product of addresses and services."""
        mask = self.services(about[services])
        ends = [self.addresses(f"{side}s", about[side]) for side in ("source", "destination")]
        return {(s, d): mask for s in ends[0] for d in ends[1]} if mask else {}

    def chain(self, rules: dict[str, Any], name: str, left: Cells, ways: tuple[str, str, str]) -> tuple[Cells, Cells]:
        """Return what a chain accepts, and what leaves it undecided."""
        accepted, returned = Cells(), Cells()
        for case in rules[name]:
            if not left or not self.applies(case, ways):
                continue
            wanted = self.cells(case)
            hit = {key: both for key, mask in left.items() if (both := and_(mask, wanted.get(key, 0)))}
            odd = not all(case["unknown"]) or (case["verb"] == "translate" and not ways[1])
            _require(not hit or not odd, f"{case['owner']}: not checked here")
            left, verb = _minus(left, hit), case["verb"]
            if verb in {"jump", "goto"}:
                more, back = self.chain(rules, case["chain"], hit, ways)
                accepted, verb, hit = _together(accepted, more), {"jump": "continue"}.get(verb, "return"), back
            if verb in {"accept", "translate"}:
                accepted = _together(accepted, hit)
            elif verb == "return":
                returned = _together(returned, hit)
            elif verb == "continue":
                left = _together(left, hit)
            else:
                _require(verb == "drop" or not hit, f"{case['owner']}: not checked here")
        return accepted, _together(left, returned)

    def applies(self, case: dict[str, Any], ways: tuple[str, str, str]) -> bool:
        entry, leaves, state = ways
        sides = ((case["entry"], entry), (case["exit"], leaves))
        near = all((name in n or any(map(name.startswith, p))) != out for found, name in sides for n, p, out in found)
        direction, dnat, snat = case["connection"]
        new = state == NEW[0] and direction in {None, "original"} and not dnat and not snat
        plain = new or case["connection"] == [None] * 3
        return near and plain and self.said["family"] in case["families"] and state in (case["states"] or [state])

    def hook(self, machine: str, hook: str, left: Cells, entry: str, leaves: str) -> Cells:
        for chain in self.machines[machine]["chains"]:
            if chain["hook"] == hook and left:
                state = NEW[hook in {"prerouting", "output"} and chain["priority"] < EARLY]
                accepted, rest = self.chain(chain["rules"], chain["begin"], left, (entry, leaves, state))
                left = _together(accepted, rest) if chain["policy"] == "accept" else accepted
        return left

    def towards(self, left: Cells, ranges: list[list[int]], at: int = 1) -> Cells:
        classes = self.addresses(("sources", "destinations")[at], ranges)
        return {key: mask for key, mask in left.items() if key[at] in classes}

    def enter(self, start: str, machine: str, entry: str, left: Cells, path: tuple[str, ...]) -> None:
        about = self.machines[machine]
        if machine in path or not left:
            return
        inside = self.hook(machine, "prerouting", left, entry, "")
        self.arrive(start, machine, self.hook(machine, "input", self.towards(inside, about["local"]), entry, ""))
        foreign = _minus(inside, self.towards(inside, about["own"])) if about["forwards"] else {}
        foreign = _minus(foreign, self.towards(foreign, self.said["never_forwarded"], 0))
        self.leave(start, machine, entry, foreign, (*path, machine))

    def leave(self, start: str, machine: str, entry: str, left: Cells, path: tuple[str, ...]) -> None:
        for ranges, leaves, via in self.machines[machine]["exits"]:
            some = self.hook(machine, "forward" if entry else "output", self.towards(left, ranges), entry, leaves)
            some = self.hook(machine, "postrouting", some, entry, leaves)
            if via:
                self.enter(start, via, leaves, some, path)
                continue
            for near in self.said["segments"].get(leaves, []) if via is None else []:
                own = self.towards(some, self.machines[near]["own"])
                self.enter(start, near, leaves, own, path)
                some = _minus(some, own)
            self.arrive(start, leaves, some)

    def arrive(self, start: str, end: str, cells: Cells) -> None:
        if cells:
            self.found[start, end] = _together(self.found.get((start, end), {}), cells)

    def judge(self) -> int:
        """Follow everything from everywhere; return the number of pairs of places between which something passes."""
        said, anywhere = self.said, {"source": None, "destination": None, "services": ALL}
        spared = [{**anywhere, "services": said["untracked"]}, {**anywhere, "source": said["martians"]}]
        begun = _minus(self.cells(anywhere), _together(*map(self.cells, spared)))
        for segment, machine in ((segment, each) for segment, there in said["segments"].items() for each in there):
            self.enter(segment, machine, segment, begun, ())
        for machine in self.machines:
            self.leave(machine, machine, "", begun, (machine,))
        claims = {(start, end): {(s, d): int(mask, 16) for s, d, mask in rows} for start, end, rows in said["claims"]}
        wrong = [key for key in claims.keys() | self.found.keys() if claims.get(key) != self.found.get(key)]
        _require(not wrong, f"claims differ: {' -> '.join(min(wrong, default=()))}")
        for start in {start for start, _ in claims}:
            flows = [each for each in said["declared"] if each["start"] == start]
            arrived = _together(*(cells for (begin, _), cells in claims.items() if begin == start))
            _require(
                not _minus(arrived, _together(*map(self.cells, flows))), f"more than declared arrives from {start}"
            )
            for each in (each for each in flows if each["first"] and each["end"] != start):
                missing = _minus(self.cells(each, "opening"), arrived)
                _require(not missing, f"{each['flow']}: less than declared arrives from {start}")
        return len(claims)


def main(words: list[str]) -> int:
    """Check the certificate in the file that is named; print one line and return the exit code."""
    try:
        said: Any = json.loads(Path(words[0]).read_text("utf-8")[:MOST_CHARACTERS])
        _require(said.pop("digest") == _digest(said), "the digest is another document's")
        for machine, given in said["machines"].items():
            chains = [each["machines"][machine]["chains"] for each in said["families"]]
            _require(given == _digest(chains), f"{machine}: another ruleset")
        pairs = sum(_Family(each).judge() for each in said["families"])
    except _Wrong as wrong:
        print(f"refuted: {wrong}")  # noqa: T201 - what it is for
        return 1
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        print(f"cannot read: {type(error).__name__}")  # noqa: T201 - what it is for
        return 2
    print(f"holds: {pairs} pairs of places, every new connection")  # noqa: T201 - what it is for
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
