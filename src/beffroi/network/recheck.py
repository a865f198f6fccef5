"""Checks a network certificate alone: `python -m beffroi.network.recheck FILE`. Imports nothing of beffroi.

Every new connection is followed again from every place, by other means than the prover's, and compared with the claims
and with what is declared; no answer is. Exit 0: all holds; 1: the first wrong claim is told, in English; 2: unreadable.
"""

import hashlib
import json
import sys
from functools import reduce
from ipaddress import ip_network
from itertools import combinations
from pathlib import Path
from typing import Any

Box = tuple[int, ...]  # each dimension from and to, then a mask: of a service its TCP flags, of an address 1
Cells = dict[tuple[int, int], int]  # (source class, destination class) -> a bit for each class of services
FORM, MOST_CHARACTERS = "beffroi network certificate 2", 256 * 1024 * 1024
LAST = {4: 2**32 - 1, 6: 2**128 - 1}
ALL: Box = (0, 255, 0, 65535, 0, 65535, (1 << 256) - 1)
NEW, EARLY = ("new", "invalid"), -200  # what a first packet is to rules: after conntrack looked at it, and before
UNTRACKED = [[58, 58, *kinds, 0, 65535, f"{ALL[-1]:x}"] for kinds in ((130, 136), (143, 143))]
MARTIANS = {4: ("0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/4", "255.255.255.255/32"), 6: ("::/127", "ff00::/8")}
NEVER_FORWARDED = {4: MARTIANS[4], 6: (*MARTIANS[6], "fe80::/10")}


class _Wrong(Exception):
    """A claim of the certificate does not hold."""


def _require(holds: object, words: str) -> None:
    if not holds:
        raise _Wrong(words)


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _read(boxes: list[list[Any]]) -> list[Box]:
    return [(*box[:6], int(box[6], 16)) if box[2:] else (*box, 1) for box in boxes]


def _ranges(networks: tuple[str, ...]) -> list[list[int]]:
    return [[int(each[0]), int(each[-1])] for each in map(ip_network, networks)]


def _met(one: Box, other: Box) -> Box | None:
    met = [(min if at % 2 else max)(pair) for at, pair in enumerate(zip(one[:-1], other, strict=False))]
    return (*met, one[-1] & other[-1]) if one[-1] & other[-1] and all(map(int.__le__, met[::2], met[1::2])) else None


def _size(box: Box) -> int:
    return reduce(int.__mul__, (b - a + 1 for a, b in zip(box[:-1:2], box[1::2], strict=True)), box[-1].bit_count())


def _minus(one: Cells, gone: Cells) -> Cells:
    return {key: rest for key, mask in one.items() if (rest := mask & ~gone.get(key, 0))}


def _plus(one: Cells, other: Cells) -> Cells:
    return {key: one.get(key, 0) | other.get(key, 0) for key in one.keys() | other.keys()}


class _Axis:
    """Classes of addresses or services, checked to be a partition of all of them."""

    def __init__(self, name: str, classes: list[list[list[Any]]], whole: Box) -> None:
        self.name, self.classes = name, [_read(boxes) for boxes in classes]
        self.known = {"None": set(range(len(classes)))}
        flat = sorted(box for boxes in self.classes for box in boxes)
        apart = all(_met(box, box) for box in flat) and not any(_met(*two) for two in combinations(flat, 2))
        _require(apart and sum(map(_size, flat)) == _size(whole), f"{name} are no partition")

    def covered(self, written: list[list[Any]] | None) -> set[int]:
        """Return the classes that boxes (None: all) cover; none may be covered in part."""
        if (key := str(written)) not in self.known:
            boxes, self.known[key] = _read(written or []), set()
            for number, parts in enumerate(self.classes):
                met = [[_met(part, box) for box in boxes] for part in parts]
                inside = {part in found for part, found in zip(parts, met, strict=True)}
                _require(inside == {any(map(any, met))}, f"a bound cuts class {number} of {self.name}")
                self.known[key] |= {number} if inside == {True} else set()
        return self.known[key]


class _Family:
    """One family of the certificate, followed from every place."""

    def __init__(self, said: dict[str, Any]) -> None:
        self.said, self.machines = said, said["machines"]
        self.ends = [_Axis(side, said[side], (0, LAST[said["family"]], 1)) for side in ("sources", "destinations")]
        self.services = _Axis("services", said["services"], ALL)
        self.found: dict[tuple[str, str], Cells] = {}

    def cells(self, source: Any = None, destination: Any = None, services: Any = None) -> Cells:  # noqa: ANN401 - JSON
        mask = sum(1 << number for number in self.services.covered(services))
        ends = [axis.covered(side) for axis, side in zip(self.ends, (source, destination), strict=True)]
        return {(s, d): mask for s in ends[0] for d in ends[1]} if mask else {}

    def chain(self, rules: dict[str, Any], name: str, left: Cells, ways: tuple[str, str, str]) -> tuple[Cells, Cells]:
        accepted, returned = Cells(), Cells()
        for case in (each for each in rules[name] if left and self.applies(each, ways)):
            wanted, verb = self.cells(case["source"], case["destination"], case["services"]), case["verb"]
            hit = {key: both for key, mask in left.items() if (both := mask & wanted.get(key, 0))}
            known = {"accept", "drop", "return", "goto", "continue", "jump", "translate" if ways[1] else "drop"}
            _require(not hit or (verb in known and all(case["unknown"])), f"{case['owner']}: not checked here")
            left = _minus(left, hit)
            more, hit = self.chain(rules, case["chain"], hit, ways) if case["chain"] else ({}, hit)
            accepted = _plus(accepted, _plus(more, hit if verb in {"accept", "translate"} else {}))
            returned = _plus(returned, hit) if verb in {"return", "goto"} else returned
            left = _plus(left, hit) if verb in {"continue", "jump"} else left
        return accepted, _plus(left, returned)

    def applies(self, case: dict[str, Any], ways: tuple[str, str, str]) -> bool:
        sides = zip((case["entry"], case["exit"]), ways[:2], strict=True)
        near = all((name in n or any(map(name.startswith, p))) != out for found, name in sides for n, p, out in found)
        direction, dnat, snat = case["connection"]
        begins = ways[2] == NEW[0] and direction in {None, "original"} and not (dnat or snat)
        tracked = ways[2] in (case["states"] or NEW) and (begins or case["connection"] == [None] * 3)
        return near and tracked and self.said["family"] in case["families"]

    def hook(self, machine: str, hook: str, left: Cells, entry: str = "", leaves: str = "") -> Cells:
        for chain in (each for each in self.machines[machine]["chains"] if each["hook"] == hook):
            ways = (entry, leaves, NEW[hook in {"prerouting", "output"} and chain["priority"] < EARLY])
            accepted, rest = self.chain(chain["rules"], chain["begin"], left, ways)
            left = _plus(accepted, rest) if chain["policy"] == "accept" else accepted
        return left

    def towards(self, left: Cells, ranges: list[list[int]], side: int = 1) -> Cells:
        return {key: mask for key, mask in left.items() if key[side] in self.ends[side].covered(ranges)}

    def enter(self, start: str, machine: str, entry: str, left: Cells, path: tuple[str, ...]) -> None:
        if left and machine not in path:
            about, inside = self.machines[machine], self.hook(machine, "prerouting", left, entry)
            self.arrive(start, machine, self.hook(machine, "input", self.towards(inside, about["local"]), entry))
            foreign = _minus(inside, self.towards(inside, about["own"])) if about["forwards"] else {}
            foreign = _minus(foreign, self.towards(foreign, _ranges(NEVER_FORWARDED[self.said["family"]]), 0))
            self.leave(start, machine, entry, foreign, (*path, machine))

    def leave(self, start: str, machine: str, entry: str, left: Cells, path: tuple[str, ...]) -> None:
        for ranges, leaves, via in self.machines[machine]["exits"]:
            some = self.hook(machine, "forward" if entry else "output", self.towards(left, ranges), entry, leaves)
            some = self.hook(machine, "postrouting", some, entry, leaves)
            for near in [via] if via else self.said["segments"].get(leaves, []) if via is None else []:
                own = some if via else self.towards(some, self.machines[near]["own"])
                self.enter(start, near, leaves, own, path)
                some = _minus(some, own)
            self.arrive(start, leaves, some)

    def arrive(self, start: str, end: str, cells: Cells) -> None:
        self.found[start, end] = _plus(self.found.get((start, end), {}), cells)

    def judge(self) -> int:
        """Follow everything from everywhere; return the number of pairs of places between which something passes."""
        said, martians = self.said, _ranges(MARTIANS[self.said["family"]])
        hooks = {chain["hook"] for about in self.machines.values() for chain in about["chains"]}
        _require("across" not in hooks, "what a bridge may drop is not followed here")
        begun = _minus(_minus(self.cells(), self.cells(services=UNTRACKED)), self.cells(martians))
        for segment, machine in ((segment, each) for segment, there in said["segments"].items() for each in there):
            self.enter(segment, machine, segment, begun, ())
        for machine in self.machines:
            self.leave(machine, machine, "", begun, (machine,))
        claims = {(start, end): {(s, d): int(mask, 16) for s, d, mask in rows} for start, end, rows in said["claims"]}
        wrong = [key for key in claims.keys() | self.found.keys() if claims.get(key, {}) != self.found.get(key, {})]
        _require(not wrong, f"claims differ: {' -> '.join(min(wrong, default=()))}")
        for place in {*said["segments"], *self.machines, *(each["start"] for each in said["declared"])}:
            flows = [each for each in said["declared"] if each["start"] == place]
            meant = [self.cells(each["source"], each["destination"], each["services"]) for each in flows]
            arrived = reduce(_plus, (cells for (start, _), cells in claims.items() if start == place), Cells())
            _require(not _minus(arrived, reduce(_plus, meant, Cells())), f"more than declared arrives from {place}")
            for each in (each for each in flows if each["first"] and each["end"] != place):
                wanted = self.cells(each["source"], each["destination"], each["opening"])
                _require(not _minus(wanted, arrived), f"{each['flow']}: less than declared arrives from {place}")
        return len(claims)


def main(words: list[str]) -> int:
    """Check the certificate in the file that is named; print one line and return the exit code."""
    try:
        said: Any = json.loads(Path(words[0]).read_text("utf-8")[:MOST_CHARACTERS])
        _require(said.pop("digest") == _digest(said), "the digest is another document's")
        _require((said["form"], [each["family"] for each in said["families"]]) == (FORM, list(LAST)), "another form")
        there = [each["machines"] for each in said["families"]]
        digests = {name: _digest([each[name]["chains"] for each in there]) for name in {*there[0], *there[1]}}
        _require(said["machines"] == digests, "the digests are of other rulesets")
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
