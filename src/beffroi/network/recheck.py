"""Checks a network certificate alone: `python -m beffroi.network.recheck FILE`. Imports nothing of beffroi.

Every new connection is followed again from every place, on dictionaries of service masks instead of the
prover's planes, and compared with the claims and with what is declared. Answers (half-open flows) are not followed.
Exit 0: the certificate holds; 1: it does not, the first wrong claim is told; 2: it cannot be read. It stands alone, so
it speaks English only.
"""

from __future__ import annotations

import functools
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

Cells = dict[tuple[int, int], int]  # (source class, destination class) -> a bit for each class of services
MOST_CHARACTERS = 256 * 1024 * 1024
PORTED, ICMP = (6, 17, 33, 132, 136), (1, 58)
WHOLE = 256 * 65536 * 65536 * 256
_ALL = [0, 255, 0, 65535, 0, 65535, f"{(1 << 256) - 1:x}"]


class _Wrong(Exception):
    """A claim of the certificate does not hold."""


def _require(holds: object, words: str) -> None:
    if not holds:
        raise _Wrong(words)


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _normal(box: list[Any]) -> tuple[int, ...]:
    low, high, f0, f1, s0, s1, flags = *box[:6], int(box[6], 16)
    numbered = low == high and low in (*PORTED, *ICMP)
    f0, f1, s0, s1 = (f0, f1, s0, s1) if numbered else (0, 65535, 0, 65535)
    return low, high, f0, f1, s0, s1, flags if low == high == 6 else (1 << 256) - 1  # noqa: PLR2004 - TCP


class _Family:
    """One family of the certificate: its classes, checked to be a partition that no bound cuts."""

    def __init__(self, said: dict[str, Any]) -> None:
        self.said = said
        last = 2 ** (32 if said["family"] == 4 else 128) - 1  # noqa: PLR2004 - the families are numbers
        self.axes = {side: said[side] for side in ("sources", "destinations")}
        for side, classes in self.axes.items():
            ranges = sorted(tuple(each) for ranges in classes for each in ranges)
            ends = [-1, *(bound for each in ranges for bound in each), last + 1]
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
            wanted = [(0, 1 << 128)] if ranges is None else ranges
            covered = []
            for number, parts in enumerate(self.axes[side]):
                inside = {any(low <= a and b <= high for low, high in wanted) for a, b in parts}
                clear = all(b < low or high < a or (low <= a and b <= high) for a, b in parts for low, high in wanted)
                _require(clear and len(inside) == 1, f"a bound cuts class {number} of {side}")
                covered += [number] * (inside == {True})
            self._known[key] = frozenset(covered)
        return self._known[key]  # type: ignore[no-any-return]

    def services(self, boxes: list[list[Any]]) -> int:
        key = _canonical(boxes)
        if key not in self._known:
            mask = 0
            for number, parts in enumerate(self.boxes):
                met = [[_meet(part, _spread(box, part)) for box in boxes] for part in parts]
                inside = {part in found for part, found in zip(parts, met, strict=True)}
                _require(inside == {any(map(any, met))}, f"a bound cuts service class {number}")
                mask |= (inside == {True}) << number
            self._known[key] = mask
        return self._known[key]  # type: ignore[no-any-return]

    def cells(self, source: Any, destination: Any, boxes: list[list[Any]]) -> Cells:  # noqa: ANN401 - JSON
        """Return a product of addresses and services."""
        mask = self.services(boxes)
        ends = (self.addresses("sources", source), self.addresses("destinations", destination))
        return {(s, d): mask for s in ends[0] for d in ends[1]} if mask else {}


def _spread(box: list[Any], part: tuple[int, ...]) -> tuple[int, ...]:
    return (box[0], box[1], *_normal([part[0], part[1], *box[2:]])[2:])


def _meet(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...] | None:
    met = tuple((min if at % 2 else max)(one[at], other[at]) for at in range(6))
    flags = one[6] & other[6]
    return (*met, flags) if flags and all(met[at] <= met[at + 1] for at in (0, 2, 4)) else None


def _size(box: tuple[int, ...]) -> int:
    return (box[1] - box[0] + 1) * (box[3] - box[2] + 1) * (box[5] - box[4] + 1) * box[6].bit_count()


def _taken(left: Cells, wanted: Cells) -> Cells:
    return {key: both for key, mask in left.items() if (both := mask & wanted.get(key, 0))}


def _minus(left: Cells, gone: Cells) -> Cells:
    return {key: rest for key, mask in left.items() if (rest := mask & ~gone.get(key, 0))}


def _plus(one: Cells, other: Cells) -> Cells:
    return {key: one.get(key, 0) | other.get(key, 0) for key in one.keys() | other.keys()}


class _Walk:
    """Follows new connections through machines, first match by first match."""

    def __init__(self, family: _Family) -> None:
        self.family, self.said, self.machines = family, family.said, family.said["machines"]
        self.found: dict[tuple[str, str], Cells] = {}

    def chain(self, rules: dict[str, Any], name: str, left: Cells, ways: tuple[str, str, str]) -> tuple[Cells, Cells]:
        accepted, returned = Cells(), Cells()
        for case in rules[name]:
            if not left or not self.applies(case, ways):
                continue
            hit = _taken(left, self.family.cells(case["source"], case["destination"], case["services"]))
            odd = not all(case["unknown"]) or (case["verb"] == "translate" and not ways[1])
            _require(not hit or not odd, f"{case['owner']}: not checked here")
            left = _minus(left, hit)
            if case["verb"] in {"accept", "translate"}:
                accepted = _plus(accepted, hit)
            elif case["verb"] in {"jump", "goto"}:
                more, back = self.chain(rules, case["chain"], hit, ways)
                accepted = _plus(accepted, more)
                jumped = case["verb"] == "jump"
                left, returned = (_plus(left, back), returned) if jumped else (left, _plus(returned, back))
            elif case["verb"] == "return":
                returned = _plus(returned, hit)
            elif case["verb"] == "continue":
                left = _plus(left, hit)
            else:
                _require(case["verb"] == "drop" or not hit, f"{case['owner']}: not checked here")
        return accepted, _plus(left, returned)

    def applies(self, case: dict[str, Any], ways: tuple[str, str, str]) -> bool:
        entry, leaves, state = ways
        sides = ((case["entry"], entry), (case["exit"], leaves))
        near = all((name in n or any(map(name.startswith, p))) != out for found, name in sides for n, p, out in found)
        direction, dnat, snat = case["connection"]
        new = state == "new" and direction in {None, "original"} and not dnat and not snat
        plain = new or case["connection"] == [None] * 3
        return near and plain and self.said["family"] in case["families"] and state in (case["states"] or [state])

    def hook(self, machine: str, hook: str, left: Cells, entry: str, leaves: str) -> Cells:
        for chain in self.machines[machine]["chains"]:
            if chain["hook"] == hook and left:
                early = hook in {"prerouting", "output"} and chain["priority"] < -200  # noqa: PLR2004 - conntrack's
                ways = (entry, leaves, "invalid" if early else "new")
                accepted, rest = self.chain(chain["rules"], chain["begin"], left, ways)
                left = _plus(accepted, rest) if chain["policy"] == "accept" else accepted
        return left

    def towards(self, left: Cells, ranges: list[list[int]], side: str = "destinations") -> Cells:
        classes, at = self.family.addresses(side, ranges), 1 if side == "destinations" else 0
        return {key: mask for key, mask in left.items() if key[at] in classes}

    def enter(self, start: str, machine: str, entry: str, left: Cells, path: tuple[str, ...]) -> None:
        about = self.machines[machine]
        if machine in path or not left:
            return
        inside = self.hook(machine, "prerouting", left, entry, "")
        self.arrive(start, machine, self.hook(machine, "input", self.towards(inside, about["local"]), entry, ""))
        foreign = _minus(inside, self.towards(inside, about["own"])) if about["forwards"] else {}
        foreign = _minus(foreign, self.towards(foreign, self.said["never_forwarded"], "sources"))
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
            self.found[start, end] = _plus(self.found.get((start, end), {}), cells)


def _judge(said: dict[str, Any]) -> int:
    family = _Family(said)
    walk = _Walk(family)
    everything = family.cells(None, None, [_ALL])
    spared = _together([family.cells(None, None, said["untracked"]), family.cells(said["martians"], None, [_ALL])])
    begun = _minus(everything, spared)
    for segment, machines in said["segments"].items():
        for machine in machines:
            walk.enter(segment, machine, segment, begun, ())
    for machine in said["machines"]:
        walk.leave(machine, machine, "", begun, (machine,))
    claims = {(start, end): {(s, d): int(mask, 16) for s, d, mask in rows} for start, end, rows in said["claims"]}
    _require(claims == walk.found, f"claims differ: {_first(claims, walk.found)}")
    for start in {start for start, _ in claims}:
        flows = [each for each in said["declared"] if each["start"] == start]
        ends = [(each["source"], each["destination"]) for each in flows]
        declared = _together([family.cells(*two, each["services"]) for two, each in zip(ends, flows, strict=True)])
        arrived = _together([cells for (begin, _), cells in claims.items() if begin == start])
        _require(not _minus(arrived, declared), f"more than declared arrives from {start}")
        for two, each in zip(ends, flows, strict=True):
            wanted = family.cells(*two, each["opening"]) if each["first"] and each["end"] != start else {}
            _require(not _minus(wanted, arrived), f"{each['flow']}: less than declared arrives from {start}")
    return len(claims)


def _first(one: dict[tuple[str, str], Cells], other: dict[tuple[str, str], Cells]) -> str:
    wrong = [key for key in sorted(one.keys() | other.keys()) if one.get(key) != other.get(key)]
    return " -> ".join(wrong[0]) if wrong else ""


def _together(many: list[Cells]) -> Cells:
    return functools.reduce(_plus, many, Cells())


def main(words: list[str]) -> int:
    """Check the certificate in the file that is named; print one line and return the exit code."""
    try:
        said: Any = json.loads(Path(words[0]).read_text("utf-8")[:MOST_CHARACTERS])
        given = said.pop("digest")
        _require(given == hashlib.sha256(_canonical(said).encode()).hexdigest(), "the digest is another document's")
        for machine, digest in said["machines"].items():
            chains = [each["machines"][machine]["chains"] for each in said["families"]]
            _require(digest == hashlib.sha256(_canonical(chains).encode()).hexdigest(), f"{machine}: another ruleset")
        pairs = sum([_judge(each) for each in said["families"]])
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
