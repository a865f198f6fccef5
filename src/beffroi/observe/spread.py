"""A fleet looked at from several machines: shards on Dask, each done by a worker that stands in the shard's zone.

A worker says which zones it sees by a resource (`zone-schools=1`), and only shards of those zones reach it. Scheduler,
workers and clients know each other by certificates of one authority, both ways, always encrypted: what Dask carries is
code, so whoever holds such a certificate can run anything on the workers.

A worker that dies loses nothing: its shard goes to another one of the zone, now or when there is one. A shard has one
name however often it is handed out, and each host is told once: the first result stands.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from beffroi.errors import CouldNotAct, MissingTool
from beffroi.messages import say
from beffroi.report.visible import shorten

from .fleet import Seen, Terms, observe_fleet, unseen
from .shards import Shard
from .ssh import Switchboard

if TYPE_CHECKING:
    from distributed import Client, Future
    from distributed.security import Security

RETRIES = 3
"""How often a shard is tried again when it fails, or when the worker that does it dies."""

_REASON = 300


@dataclass(frozen=True)
class Credentials:
    """Three files in PEM: the authority that all sides trust, one's own certificate, and its key."""

    authority: Path
    certificate: Path
    key: Path

    def security(self) -> Security:
        """Return how Dask is to speak: TLS 1.3 alone, each side showing its certificate."""
        from distributed.security import Security  # noqa: PLC0415 - an optional dependency

        authority, certificate, key = map(str, (self.authority, self.certificate, self.key))
        return Security(
            require_encryption=True,
            tls_min_version=ssl.TLSVersion.TLSv1_3,
            tls_ca_file=authority,
            **{f"tls_{side}_cert": certificate for side in ("client", "worker", "scheduler")},
            **{f"tls_{side}_key": key for side in ("client", "worker", "scheduler")},
        )


def label(zone: str) -> str:
    """Return the resource by which a worker says that it sees `zone`."""
    return f"zone-{zone}"


@contextmanager
def joined(scheduler: str, credentials: Credentials, *, seconds: float = 30.0) -> Iterator[Client]:
    """Hold a connection to the scheduler at `tls://host:port`; raise CouldNotAct when it does not let us in."""
    try:
        from distributed import Client  # noqa: PLC0415 - an optional dependency
    except ImportError:
        raise MissingTool(say("spread-no-dask"), hint=say("spread-no-dask-hint")) from None
    try:
        client = Client(scheduler, security=credentials.security(), timeout=seconds, set_as_default=False)
    except (OSError, ValueError) as error:
        reason = say("spread-not-joined", words=shorten(str(error), _REASON))
        raise CouldNotAct(reason, where=scheduler, hint=say("spread-not-joined-hint")) from None
    try:
        yield client
    finally:
        client.close()


def observe_spread(
    client: Client, shards: Iterable[Shard], ssh_config: Path, terms: Terms | None = None, *, seconds: float = 3600.0
) -> Iterator[Seen]:
    """Yield each host of `shards` once with what was seen on it, shard by shard as they are done.

    `ssh_config` is the path, on each worker's own machine, of the file that leads to its zone. Hosts of shards that
    nobody could do within `seconds` are told as such, each with the reason.
    """
    from distributed import as_completed  # noqa: PLC0415 - an optional dependency

    waiting = {_submitted(client, shard, ssh_config, terms): shard for shard in shards}
    told: set[str] = set()
    try:
        for future in as_completed(list(waiting), loop=client.loop, timeout=seconds, raise_errors=False):
            yield from _first(_result(future, waiting.pop(future)), told)
            future.release()
    except TimeoutError:
        for shard in waiting.values():
            reason = say("spread-nobody", zone=shard.zone, label=label(shard.zone), seconds=seconds)
            yield from _first([unseen(*asked, reason) for asked in shard.hosts], told)
    finally:
        for future in waiting:
            future.cancel()


def _submitted(client: Client, shard: Shard, ssh_config: Path, terms: Terms | None) -> Future:
    return client.submit(
        look_at_shard,
        shard,
        str(ssh_config),
        terms,
        key=shard.key,
        resources={label(shard.zone): 1},
        retries=RETRIES,
        pure=False,
    )


def _result(future: Future, shard: Shard) -> list[Seen]:
    if future.status == "finished":
        try:
            found: list[Seen] = future.result()
        except Exception as error:  # noqa: BLE001 - whatever one shard brings about must not end the others
            return [unseen(*asked, f"{type(error).__name__}: {error}") for asked in shard.hosts]
        return found
    raised = future.exception() if future.status == "error" else None
    words = f"{type(raised).__name__}: {raised}" if raised else str(future.status)
    reason = say("spread-shard-lost", words=shorten(words, _REASON))
    return [unseen(*asked, reason) for asked in shard.hosts]


def _first(found: Iterable[Seen], told: set[str]) -> Iterator[Seen]:
    for host, observations in found:
        if host not in told:
            told.add(host)
            yield host, observations


def look_at_shard(shard: Shard, ssh_config: str, terms: Terms | None) -> list[Seen]:
    """Look at every host of a shard from where this process stands: what a worker is asked to do."""
    return asyncio.run(_look(shard, Path(ssh_config), terms))


async def _look(shard: Shard, ssh_config: Path, terms: Terms | None) -> list[Seen]:
    async with Switchboard(ssh_config) as switchboard:
        return [seen async for seen in observe_fleet(shard.hosts, switchboard.connect, terms)]
