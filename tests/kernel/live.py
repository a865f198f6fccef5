"""The rules that some packet on the cables meets, each with such a packet: found by the symbolic engine."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from beffroi.network.conntrack import Packet
from beffroi.network.crossing import Machines, begun
from beffroi.network.evaluate import Outcome, Program, Situation
from beffroi.network.firewall import (
    LAST_ADDRESS,
    Case,
    Chain,
    Direction,
    Family,
    Firewall,
    Match,
    Place,
    State,
    Table,
    Tracking,
)
from beffroi.network.intervals import Intervals, complement, normal
from beffroi.network.packets import PacketSet, box, nothing, united
from beffroi.network.programs import Programs
from beffroi.network.reach import Walk, town_space
from beffroi.network.services import RST, SYN, Box, Services, only
from beffroi.network.space import Space

from .aimed import never
from .judged import Model
from .namespaces import Plan

_CLIENT, _SERVER = ((1024, 65535),), ((1, 65535),)
_FIRST = {
    Tracking(State.NEW, Direction.ORIGINAL): (SYN, {4: 8, 6: 128}),
    Tracking(State.INVALID): (RST, {4: 0, 6: 129}),
}
"""For each way of being tracked at first: the TCP flags and the ICMP type that make a packet so."""

_VERDICT = re.compile(r" (accept|drop|return|notrack|(?:jump|goto) \w+|masquerade|dnat ip to [\d.:]+)$", re.MULTILINE)


def counting(text: str) -> str:
    """Return a ruleset of which every rule with a plain verdict counts what it matches."""
    return _VERDICT.sub(r" counter \1", text)


def counts(listing: str) -> dict[tuple[str, int], int]:
    """Return what the kernel counted on each rule that counts, by chain and handle."""
    found: dict[tuple[str, int], int] = {}
    for rule in (each["rule"] for each in json.loads(listing)["nftables"] if "rule" in each):
        for each in rule["expr"]:
            if isinstance(each.get("counter"), dict):
                found[f"{rule['family']} {rule['table']} {rule['chain']}", rule["handle"]] = each["counter"]["packets"]
    return found


def live(firewall: Firewall, plan: Plan) -> Iterator[tuple[Place, Tracking, str, Packet]]:
    """Yield each rule that a packet of no connection meets untranslated: how it is tracked, where it enters, it."""
    model = Model(firewall, plan)
    for family in (4, 6):
        sources = _sources(family, plan)
        for tracking, (flags, kinds) in _FIRST.items():
            services = _services(family, flags, kinds[family], stateless=tracking.state is State.NEW)
            space = town_space(model.town, family, [Match(source=sources), Match(services=services)])
            recording = _Recording(space)
            walk = Walk(
                model.town, Machines(space, recording), begun(box(space, source=sources, services=services), tracking)
            )
            for segment in model.town.segments:
                walk.start(segment)
            for (place, entry), packets in recording.met.items():
                witness = packets.witness()
                assert witness is not None
                yield place, tracking, entry, witness


def _sources(family: Family, plan: Plan) -> Intervals:
    own = [(each, each) for each in plan.own(family)]
    return complement(normal([*own, *never(family)]), LAST_ADDRESS[family])


def _services(family: Family, flags: int, kind: int, *, stateless: bool) -> Services:
    icmp = Box(only([1 if family == 4 else 58]), ((kind, kind),), ((0, 0),))
    tcp = Box(only([6]), _CLIENT, _SERVER, 1 << flags)
    return Services((tcp, icmp, *([Box(only([17]), _CLIENT, _SERVER)] if stateless else [])))


class _Recording(Programs):
    """Programs that note the packets that each rule surely takes.

    What was translated is left out, for it came as something else; so is what a rule met whose words are not modelled.
    """

    def __init__(self, space: Space) -> None:
        super().__init__(space)
        self.met: dict[tuple[Place, str], PacketSet] = {}
        self.vague = nothing(space)

    def of(self, table: Table, chain: Chain, situation: Situation) -> Program:
        made = super().of(table, chain, situation)
        return _Recorded(made.space, made.chain, made.steps, made.cases, situation, self)


@dataclass(frozen=True)
class _Recorded(Program):
    situation: Situation
    into: _Recording

    def run(self, packets: PacketSet, *, keep: bool = False, without: Case | None = None) -> Outcome:
        outcome = super().run(packets, keep=True, without=without)
        tracking = self.situation.tracking
        into = self.into
        into.vague = united(self.space, [into.vague, *(it.packets for it in outcome.decided if it.case.match.unknown)])
        for each in outcome.decided if self.situation.entry and not (tracking.dnat or tracking.snat) else ():
            if surely := each.packets - into.vague:
                into.met.setdefault((each.rule.place, self.situation.entry), surely)
        return outcome if keep else replace(outcome, decided=())
