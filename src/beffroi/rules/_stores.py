"""The stores that hold personal data, before a change and after it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from beffroi.city import City, Store
from beffroi.fieldpath import FieldPath

from . import Proposal


@dataclass(frozen=True)
class Kept:
    """A store that a processing activity claims: on which host, under which name."""

    host: str
    name: str
    store: Store

    @property
    def path(self) -> FieldPath:
        """Return where the town's files write it."""
        return ("hosts", self.host, "stores", self.name)


def claims(city: City, store: str) -> list[str]:
    """Return the activities that keep data in a store."""
    return [name for name, activity in city.processing.items() if store in activity.stores]


def kept(city: City) -> dict[str, Kept]:
    """Return every store that an activity claims, by name."""
    return {name: Kept(host, name, store) for host, name, store in city.stores() if claims(city, name)}


def keepers(city: City) -> set[str]:
    """Return the hosts on which personal data is kept."""
    return {each.host for each in kept(city).values()}


def pairs(proposal: Proposal) -> Iterator[tuple[Kept, Kept | None]]:
    """Yield each store of personal data as it stood, and as it would stand; None where its data is lost.

    A store under another name is the same one, if it is the same folder of the same host.
    """
    if proposal.before is None:
        return
    after = {name: Kept(host, name, store) for host, name, store in proposal.city.stores()}
    by_place = {(each.host, each.store.path): each for each in after.values()}
    for name, old in kept(proposal.before.city).items():
        yield old, after.get(name) or by_place.get((old.host, old.store.path))
