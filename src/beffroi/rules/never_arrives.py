"""Packets that never arrive, whatever the flows say: judged on the firewalls that the city compiles to.

The same invariants are judged on running firewalls by `beffroi prove`. Here a breach is told by the flows that declare
its packets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from beffroi.network.committed import proved
from beffroi.network.invariants import Invariant, Refutation, refutations
from beffroi.network.packets import matched
from beffroi.network.proof import Proof

from . import Breach, Proposal, RuleModel


class Params(Invariant, RuleModel):
    """The invariant."""


def prepare(proposal: Proposal, params: Iterable[Params]) -> None:
    """Prove the city once for all the invariants that are going to be asked."""
    if proposal.city.flows:
        proved(proposal.city, *params)


def find(proposal: Proposal, params: Params) -> Iterator[Breach]:
    """Yield the flows that let through what the invariant forbids, each once."""
    city = proposal.city
    if not city.flows:
        return
    proof = proved(city, params)
    found: dict[int, Breach] = {}
    for refutation in refutations(proof, params):
        for index in _flows(proof, refutation):
            names = {"flow": city.flows[index].name, "source": refutation.start, "destination": refutation.end}
            witness = refutation.packets.witness()
            names["packet"] = witness.show() if witness else ""
            found.setdefault(index, Breach(city.flows[index].name, ("flows", index), names))
    yield from (found[index] for index in sorted(found))


def _flows(proof: Proof, refutation: Refutation) -> Iterator[int]:
    family = proof.families[refutation.family]
    for each in family.declared:
        if each.start == refutation.start and matched(family.space, each.match) & refutation.packets:
            yield each.index
