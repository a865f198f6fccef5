"""A fleet cut into shards, each of one network zone: what is handed to whoever can see that zone. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from hashlib import sha256

from .fleet import Asked

SIZE = 200
"""Hosts in a shard: few enough that little is done again when a worker dies, enough that handing over costs little."""


@dataclass(frozen=True)
class Shard:
    """Some hosts of one zone, to be looked at in the run `run`."""

    run: str
    zone: str
    hosts: tuple[Asked, ...]

    @property
    def key(self) -> str:
        """Return the shard's name, the same whoever cuts it: a shard that is handed out twice is one shard."""
        names = "\n".join(host for host, _ in self.hosts)
        return f"{self.run}-{self.zone}-{sha256(names.encode()).hexdigest()[:24]}"


def shards(run: str, asked: Iterable[Asked], zone_of: Callable[[str], str], size: int = SIZE) -> Iterator[Shard]:
    """Yield shards of at most `size` hosts, none across two zones, hosts and zones in the order in which they come.

    A host that is asked about twice is in one shard, with what was asked first.
    """
    open_ones: dict[str, list[Asked]] = {}
    known: set[str] = set()
    for host, settings in asked:
        if host in known:
            continue
        known.add(host)
        zone = zone_of(host)
        hosts = open_ones.setdefault(zone, [])
        hosts.append((host, settings))
        if len(hosts) == size:
            yield Shard(run, zone, tuple(open_ones.pop(zone)))
    for zone, hosts in open_ones.items():
        yield Shard(run, zone, tuple(hosts))
