"""The databases in which an account is declared for a machine, and how that machine reaches each."""

from __future__ import annotations

from collections.abc import Iterator

from beffroi.city.databases import Database
from beffroi.network.routing import meeting

from . import Site
from . import _tls as tls


def reached(site: Site, service: str) -> Iterator[tuple[dict[str, object], Database]]:
    """Yield how to reach each database where the machine has an account (its first one there), and the database."""
    for host, _, store in site.city.stores():
        database = store.database
        mine = [name for name, account in database.accounts.items() if account.host == site.name] if database else []
        if database is None or not mine or service not in site.city.services:
            continue
        sides = meeting(site.city, site.name, host) if host != site.name else None
        entry: dict[str, object] = {
            "database": database.name,
            "account": mine[0],
            "name": tls.machine_name(site.city, host),
            "address": str(sides[1].ipv4) if sides else tls.addresses(site.city.machine(host))[0],
            "port": site.city.services[service].ranges()[0][0],
        }
        yield entry, database
