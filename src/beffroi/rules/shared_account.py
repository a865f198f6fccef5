"""One service account an activity: a fault in one application must not open another's files."""

from __future__ import annotations

from collections.abc import Iterator

from beffroi.city import City
from beffroi.city.words import Name

from . import Breach, Proposal, RuleModel


class Params(RuleModel):
    """The roles of hosts that keep copies, where one account fetches for all."""

    except_roles: tuple[Name, ...] = ()


def find(proposal: Proposal, params: Params) -> Iterator[Breach]:
    """Yield each store whose owner on the same host also owns a store of other activities."""
    city = proposal.city
    for host_name, host in city.hosts.items():
        if set(host.roles) & set(params.except_roles):
            continue
        first: dict[str, tuple[str, frozenset[str]]] = {}
        for name, store in host.stores.items():
            if store.database is not None:
                continue  # the folder is PostgreSQL's; what tells activities apart is the accounts of its database
            other, activities = first.setdefault(store.owner, (name, _activities(city, name)))
            if activities != _activities(city, name):
                names = {"store": name, "other": other, "owner": store.owner, "host": host_name}
                yield Breach(name, ("hosts", host_name, "stores", name, "owner"), names)


def _activities(city: City, store: str) -> frozenset[str]:
    return frozenset(name for name, activity in city.processing.items() if store in activity.stores)
