"""Many rulesets, one after the other, in the same pair of namespaces: what a test and a benchmark both run."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from beffroi.network.firewall import Firewall
from beffroi.network.reader import read

from .aimed import Aim
from .namespaces import Namespaces, Plan
from .rounds import Judged, Rounds, counted
from .rulesets import PLAN, Ruleset
from .wire import SILENCE, Wire

_DRAWN, _AIMED = 300, 1000


@dataclass
class Campaign:
    """Judges rulesets by the kernel, and keeps count."""

    namespaces: Namespaces
    wire: Wire
    tally: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    packets: int = 0
    rulesets: int = 0

    def firewall(self, text: str) -> Firewall:
        """Load a ruleset and read it back as the kernel lists it; raise AssertionError when nft refuses it."""
        refused = self.namespaces.load(text + "\n" + SILENCE)
        assert refused is None, f"{refused}\n{text}"
        found = read(json.loads(self.namespaces.listing()))
        return Firewall(tuple(table for table in found.tables if table.name != "judge"), found.remarks)

    def ruleset(self, seed: int, wrongly: Callable[[Firewall], Firewall] = lambda firewall: firewall) -> list[Judged]:
        """Judge one random ruleset; `wrongly` may alter what the model is told, to see that it is found out."""
        drawn = Ruleset(seed)
        firewall = self.firewall(drawn.text)
        packets = [*drawn.packets(_DRAWN), *Aim(firewall, self.namespaces.plan, seed).packets(_AIMED)]
        machine = self.namespaces.plan.machine()
        judged = Rounds(self.wire, wrongly(firewall), machine, seed).all(packets)
        self.namespaces.forget_connections()
        self.tally += counted(judged)
        self.packets += len(judged)
        self.rulesets += 1
        self.wrong += [f"seed {seed}\n{one.show()}\n{drawn.text}" for one in judged if not one.agreed]
        return judged


@contextmanager
def campaign(plan: Plan = PLAN) -> Iterator[Campaign]:
    """Hold the namespaces and their sockets while rulesets are judged."""
    with Namespaces(plan) as namespaces, Wire(namespaces) as wire:
        yield Campaign(namespaces, wire)
