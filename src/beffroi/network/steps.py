"""The cases of a chain as steps on a plane of packets: what each covers, and how it takes that. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from .firewall import Verb
from .space import Blocks, Plane

_PASSING = frozenset({Verb.CONTINUE, Verb.NOTRACK})


class Step(NamedTuple):
    """A case that can hold in the situation, as what it covers of a plane: None for all of it."""

    number: int
    blocks: Blocks | None
    verb: Verb
    chain: str
    certain: bool


@dataclass
class Steps:
    """The steps of one chain: a list for each major class that some rule names, one for all the others."""

    plain: list[Step] = field(default_factory=list)
    named: dict[int, list[Step]] = field(default_factory=dict)

    def add(self, step: Step, majors: Iterable[int] | None) -> None:
        """Place a step at the end of the lists of its major classes (None: all)."""
        if majors is None:
            self.plain.append(step)
            for each in self.named.values():
                each.append(step)
            return
        for major in majors:
            if major not in self.named:
                self.named[major] = self.plain.copy()
            self.named[major].append(step)


def settle(left: Plane, blocks: Blocks | None, decided: Plane) -> None:
    """Move what a certain accept or drop covers out of `left`: most rules of most firewalls end here."""
    if blocks is None:
        add(decided, left)
        left.clear()
        return
    for block, mask in blocks:
        if block in left and (hit := (bits := left[block]) & mask):
            if hit == bits:
                del left[block]
            else:
                left[block] = bits ^ hit
            decided[block] = decided[block] | hit if block in decided else hit


def take(left: Plane, step: Step) -> Plane:
    """Take what the step matches out of `left`, unless it may or may not match: then it all stays."""
    taken: Plane = {}
    settle(left if step.certain and step.verb not in _PASSING else dict(left), step.blocks, taken)
    return taken


def add(plane: Plane, more: Plane) -> None:
    """Put more packets into a plane."""
    if not plane:
        plane.update(more)
        return
    for block, bits in more.items():
        plane[block] = plane.get(block, 0) | bits
