"""Chains that stand beside the IP hooks, on bridges and devices: what they might drop is in doubt. Pure.

Where they stand in a packet's way is known (nft(8), "ADDRESS FAMILIES"), but not all that they look at. So each is
called at the edge of the IP hook next to it, and where it would drop it may drop, or not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from beffroi.network.firewall import (
    ACROSS,
    Case,
    Chain,
    Firewall,
    Hook,
    Interfaces,
    Match,
    Place,
    Rule,
    Table,
    Unknown,
    Verb,
    Verdict,
)

EDGE = 1_000_000
"""A priority beyond all that the kernel takes for a chain of an IP hook to come between."""

_NEXT = {
    ("netdev", "ingress"): ("prerouting", -EDGE),
    ("netdev", "egress"): ("postrouting", EDGE),
    ("inet", "ingress"): ("prerouting", -EDGE),
    ("bridge", "prerouting"): ("prerouting", -EDGE),
    ("bridge", "input"): ("prerouting", -EDGE),
    ("bridge", "output"): ("postrouting", EDGE),
    ("bridge", "postrouting"): ("postrouting", EDGE),
    ("bridge", "forward"): (ACROSS, 0),
}
"""The IP hook beside which each other hook stands. ARP carries no IP packet."""

_BRIDGED = frozenset({"prerouting", "postrouting"})
"""What frames from port to port meet besides a bridge's `forward`: they pass between machines of one segment."""


def in_doubt(table: Table) -> Table | None:
    """Return what a table does beside the IP hooks as a table of doubts; None when it drops nothing there."""
    called = [chain for name in sorted(table.chains) for chain in _called(table, table.chains[name])]
    if not called or not any(_drops(chain) for chain in table.chains.values()):
        return None
    chains = {name: _doubtful(table, chain) for name, chain in table.chains.items()}
    return Table("inet", f"{table.family} {table.name}", chains | {chain.name: chain for chain in called})


def on_devices(firewall: Firewall, known: Collection[str]) -> Firewall:
    """Return a firewall whose chains beside the IP hooks see every packet where their devices are not `known`.

    What stands on a device that the town does not declare may see all that comes or goes through it: the port of a
    bridge, the card below a VLAN.
    """
    tables = tuple(
        replace(table, chains={name: _widened(chain, known) for name, chain in table.chains.items()})
        for table in firewall.tables
    )
    return firewall if tables == firewall.tables else replace(firewall, tables=tables)


def _widened(chain: Chain, known: Collection[str]) -> Chain:
    if chain.hook is None or abs(chain.hook.priority) < EDGE // 2 or not chain.hook.devices:
        return chain
    if all(device in known or device == "lo" for device in chain.hook.devices):
        return chain
    anywhere = tuple(replace(case, match=Match()) for case in chain.rules[0].cases)
    return replace(chain, rules=(replace(chain.rules[0], cases=anywhere),))


def _called(table: Table, chain: Chain) -> Iterator[Chain]:
    """Yield the base chains, at the edge of an IP hook, that call `chain` for what its devices see."""
    if chain.hook is None or (table.family, chain.hook.hook) not in _NEXT:
        return
    hook, edge = _NEXT[table.family, chain.hook.hook]
    yield _calling(table, chain, hook, edge + chain.hook.priority)
    if table.family == "bridge" and chain.hook.hook in _BRIDGED:
        yield _calling(table, chain, ACROSS, chain.hook.priority)


def _calling(table: Table, chain: Chain, hook: str, priority: int) -> Chain:
    assert chain.hook is not None  # noqa: S101 - it was called by its hook
    near = (Interfaces(frozenset(chain.hook.devices)),) if chain.hook.devices else ()
    match = Match(exit=near) if hook == "postrouting" else Match(entry=near)
    place = Place(f"{table.family} {table.name}", chain.name, 0)
    jump = Rule((Case(match, Verdict(Verb.JUMP, chain.name)),), place)
    return Chain(f"{chain.name} beside {hook}", (jump,), Hook("filter", hook, priority, "accept", chain.hook.devices))


def _drops(chain: Chain) -> bool:
    if chain.hook is not None and chain.hook.policy == "drop":
        return True
    harmless = {Verb.ACCEPT, Verb.RETURN, Verb.JUMP, Verb.GOTO, Verb.CONTINUE}
    return any(case.verdict.verb not in harmless for rule in chain.rules for case in rule.cases)


def _doubtful(table: Table, chain: Chain) -> Chain:
    rules = tuple(replace(rule, cases=tuple(map(_perhaps, rule.cases))) for rule in chain.rules)
    if chain.hook is not None and chain.hook.policy == "drop":
        place = Place(f"{table.family} {table.name}", chain.name, 0, text="policy drop")
        rules = (*rules, Rule((Case(Match(), Verdict(Verb.UNKNOWN)),), place))
    return Chain(chain.name, rules)


def _perhaps(case: Case) -> Case:
    """Say of a case that it may drop; interfaces and connections are others there: whether it matches is in doubt."""
    match = case.match
    others = (match.entry, match.exit, match.states, match.direction, match.dnat, match.snat)
    if any(each not in ((), None) for each in others):
        doubt = Unknown("a condition on interfaces or connections, read beside the IP hooks")
        known = replace(match, entry=(), exit=(), states=None, direction=None, dnat=None, snat=None)
        match = replace(known, unknown=(*match.unknown, doubt))
    verdict = Verdict(Verb.UNKNOWN) if case.verdict.verb is Verb.DROP else case.verdict
    return replace(case, match=match, verdict=verdict)
