"""The firewalls that a city commits to: compiled from its flows, and read as any other ruleset is. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from beffroi.city import City

from .compiling import compiled
from .firewall import Firewall
from .invariants import Invariant, matches
from .proof import Proof, prove
from .reader import read
from .town import town_of


def committed(city: City) -> dict[str, Firewall]:
    """Return the firewall of every managed machine, by name."""
    return {name: read({"nftables": compiled(city, name)}) for name in city.machines()}


def proof_of(city: City, firewalls: Mapping[str, Firewall], *invariants: Invariant) -> Proof:
    """Prove a city with some firewalls, committed or running, in spaces that can judge the invariants."""
    extra = [match for invariant in invariants for match in matches(city, invariant)]
    return prove(town_of(city, firewalls), extra)


def proved(city: City, *invariants: Invariant) -> Proof:
    """Prove what a city commits to, in spaces that can judge the invariants; kept for the last few cities.

    Several policies ask, one invariant each: asked first with all of them, it proves once for all.
    """
    for known, judged, proof in _proofs:
        if known is city and judged >= frozenset(invariants):
            return proof
    proof = proof_of(city, committed(city), *invariants)
    _proofs.append((city, frozenset(invariants), proof))
    return proof


_proofs: deque[tuple[City, frozenset[Invariant], Proof]] = deque(maxlen=8)
