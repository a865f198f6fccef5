"""The firewalls that a city commits to: compiled from its flows, and read as any other ruleset is. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

from beffroi.city import City

from .compiling import compiled
from .difference import Change, compare
from .firewall import Family, Firewall, Match
from .invariants import Invariant, matches
from .proof import FamilyProof, Proof, prove
from .reader import read
from .repeated import Repeated
from .town import Town, town_of


def committed(city: City) -> dict[str, Firewall]:
    """Return the firewall of every managed machine, by name."""
    return {name: _firewalls.of(name, compiled(city, name)) for name in city.machines()}


def constraints(city: City, invariants: Iterable[Invariant]) -> tuple[Match, ...]:
    """Return what a space must be cut by to judge some invariants."""
    return tuple(match for invariant in invariants for match in matches(city, invariant))


def proof_of(city: City, firewalls: Mapping[str, Firewall], *invariants: Invariant) -> Proof:
    """Prove a city with some firewalls, committed or running, in spaces that can judge the invariants."""
    return prove(town_of(city, firewalls), constraints(city, invariants))


class Prover(Protocol):
    """Somebody who proves a part of what a city commits to, beside whoever asks."""

    def proved(self, city: City, invariants: tuple[Invariant, ...], town: Town, family: Family) -> FamilyProof | None:
        """Return the proof of one family, with the devices of `town`; None for whatever was not proved."""
        ...

    def compared(self, old: Town, new: Town, family: Family) -> Sequence[Change] | None:
        """Return what `new` opens and closes in one family, with the devices of both; None where it was not found."""
        ...


@contextmanager
def proving_with(prover: Prover) -> Iterator[None]:
    """Let somebody prove a part meanwhile."""
    before = _prover.set(prover)
    try:
        yield
    finally:
        _prover.reset(before)


def proved(city: City, *invariants: Invariant) -> Proof:
    """Prove what a city commits to, in spaces that can judge the invariants; kept for the last few cities.

    Several policies ask, one invariant each: asked first with all of them, it proves once for all.
    """
    for known, judged, proof in _proofs:
        if known is city and judged >= frozenset(invariants):
            return proof

    def elsewhere(town: Town, family: Family) -> FamilyProof | None:
        prover = _prover.get()
        return prover.proved(city, invariants, town, family) if prover else None

    proof = prove(town_of(city, committed(city)), constraints(city, invariants), elsewhere)
    _proofs.append((city, frozenset(invariants), proof))
    return proof


def compared(old: Town, new: Town) -> list[Change]:
    """Return all that one committed town opens and closes in place of another; raise TooComplexError."""

    def elsewhere(before: Town, after: Town, family: Family) -> Sequence[Change] | None:
        prover = _prover.get()
        return prover.compared(before, after, family) if prover else None

    return compare(old, new, elsewhere)


_proofs: deque[tuple[City, frozenset[Invariant], Proof]] = deque(maxlen=8)
_prover: ContextVar[Prover | None] = ContextVar("prover", default=None)
"""Who proves meanwhile: judges and policies, which ask, know nothing of it."""

_firewalls = Repeated(lambda objects: read({"nftables": objects}))
