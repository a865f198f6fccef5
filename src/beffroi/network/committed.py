"""The firewalls that a city commits to: compiled from its flows, and read as any other ruleset is. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

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
    """Prove what a city commits to; kept for the last few cities, since several policies ask."""
    return _proved(_Same(city), invariants)


@lru_cache(maxsize=8)
def _proved(same: _Same, invariants: tuple[Invariant, ...]) -> Proof:
    return proof_of(same.city, committed(same.city), *invariants)


class _Same:
    """A city as a key: equal when it is the very same object, since its dictionaries have no hash."""

    def __init__(self, city: City) -> None:
        self.city = city

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.city is self.city

    def __hash__(self) -> int:
        return id(self.city)
