"""Which new connections from a network a machine lets in, and by which rules: for every packet, exactly. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network

from .conntrack import Packet
from .evaluate import Decided, Situation, prepare
from .firewall import Family, Firewall, Match, Rule, Verb
from .packets import PacketSet, box
from .proof import LINK, UNTRACKED
from .services import Services
from .space import Space, matches_of, space_of

_ANY_OTHER = "any-other"


@dataclass(frozen=True)
class Admitted:
    """A rule that lets packets in, and one of them."""

    rule: Rule
    packet: Packet


def admitted(firewall: Firewall, source: IPv4Network | IPv6Network, allowed: Services) -> list[Admitted]:
    """Return the rules that let in new connections from `source` to services other than `allowed`.

    Every interface is tried but the loopback's. What is not modelled counts as letting in; what links need does not.
    """
    family: Family = 4 if source.version == 4 else 6  # noqa: PLR2004 - the families are called by their number
    ends = ((int(source.network_address), int(source.broadcast_address)),)
    asked = [Match(source=ends), Match(services=allowed), Match(services=LINK), Match(services=UNTRACKED)]
    space = space_of(family, [*matches_of(firewall), *asked])
    packets = box(space, source=ends)
    for spared in (allowed, LINK, UNTRACKED):
        packets = packets - box(space, services=spared) if spared else packets
    found: dict[str, Admitted] = {}
    for entry in _entries(firewall):
        for decided in _let_in(firewall, space, packets, entry):
            witness = decided.packets.witness()
            if witness is not None:
                found.setdefault(str(decided.rule.place), Admitted(decided.rule, witness))
    return list(found.values())


def _let_in(firewall: Firewall, space: Space, packets: PacketSet, entry: str) -> Iterator[Decided]:
    chains = firewall.hooked("input", space.family)
    situation = Situation(entry)
    decided: list[Decided] = []
    for table, chain in chains:
        outcome = prepare(space, table, chain, situation).run(packets, keep=True)
        packets = outcome.accepted
        decided += outcome.decided
    for each in decided:
        left = each.packets & packets
        if left and each.case.verdict.verb in {Verb.ACCEPT, Verb.UNKNOWN}:
            yield Decided(each.rule, each.case, left)


def _entries(firewall: Firewall) -> list[str]:
    """Return the interfaces that rules name, and one for all others."""
    named = {
        name
        for table in firewall.tables
        for chain in table.chains.values()
        for rule in chain.rules
        for case in rule.cases
        for interfaces in case.match.entry
        for name in interfaces.names
    }
    return [*sorted(named - {"lo"}), _ANY_OTHER]
