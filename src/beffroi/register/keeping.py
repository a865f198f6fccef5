"""Where an activity keeps its data, and who copies it. Pure."""

from __future__ import annotations

from beffroi.city import City
from beffroi.city.roles import BACKUP_ROLE

from .model import KeptStore

"""The role of the machines that keep the copies."""


def stores(city: City, activity: str) -> tuple[KeptStore, ...]:
    """Return the stores of an activity, those that hold the copies last."""
    claimed = city.processing[activity].stores
    found = [
        KeptStore(
            name=name,
            label=store.label,
            host=host,
            encrypted=store.encrypted_at_rest,
            copies=BACKUP_ROLE in city.hosts[host].roles,
            copied_by=() if BACKUP_ROLE in city.hosts[host].roles else copiers(city, activity, host),
        )
        for host, name, store in city.stores()
        if name in claimed
    ]
    return tuple(sorted(found, key=lambda each: each.copies))


def copiers(city: City, activity: str, host: str) -> tuple[str, ...]:
    """Return the machines that fetch what `host` keeps, by a flow that serves the activity or none in particular."""
    backups = city.hosts_with_role(BACKUP_ROLE)
    names = {host, *city.hosts[host].interfaces}
    found = (
        source
        for flow in city.flows
        if flow.processing in {None, activity} and names & set(flow.destination)
        for source in flow.source
        if source in backups
    )
    return tuple(dict.fromkeys(found))


def machines(city: City, activity: str) -> list[str]:
    """Return the managed machines that an activity rests on: they keep its data, or stand at an end of its flows."""
    ends = {end for flow in city.flows if flow.processing == activity for end in (*flow.source, *flow.destination)}
    keepers = {host for host, store, _ in city.stores() if store in city.processing[activity].stores}
    return [name for name in city.machines() if name in ends | keepers]
