"""Ways to hosts over SSH (asyncssh): known keys only, modern algorithms, bastions shared, attempts bounded.

`async with Switchboard(ssh_config) as switchboard` opens many; `connect(host, ssh_config)` opens one.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

import asyncssh

from beffroi.errors import CouldNotLook
from beffroi.messages import say

from .faults import BROKEN, could_not_connect, is_passing
from .held import HeldConnection
from .known import Keys, KnownHosts
from .proxy import Proxy
from .routes import Route, Routes, read_routes

# asyncssh tells its log what a host did to it, traceback included: whoever wants that asks logging for it.
logging.getLogger("asyncssh").addHandler(logging.NullHandler())

KEY_EXCHANGES = ("mlkem768x25519-sha256", "curve25519-sha256", "curve25519-sha256@libssh.org")
CIPHERS = ("aes256-gcm@openssh.com", "aes128-gcm@openssh.com", "chacha20-poly1305@openssh.com")
SIGNATURES = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "rsa-sha2-512", "rsa-sha2-256")
"""What both sides may agree on (ANSSI, Recommandations pour un usage sécurisé d'OpenSSH). Key exchanges begin with the
one that a quantum computer does not undo; all ciphers authenticate, so that no separate MAC is ever used."""

_KEEPALIVE_SECONDS = 15
_FAILED_JUMP_SECONDS = 30.0


@dataclass(frozen=True)
class Patience:
    """How long to knock: seconds for one attempt, attempts in all, and the first pause between two of them.

    Pauses double, and each is drawn between nothing and its length, so that a thousand hosts behind one that restarts
    do not knock together.
    """

    seconds: float = 15.0
    attempts: int = 4
    pause: float = 0.5

    def pauses(self) -> Iterator[float]:
        """Yield the seconds to wait before each attempt but the first."""
        for attempt in range(self.attempts - 1):
            yield random.uniform(0, self.pause * 2**attempt)  # noqa: S311 - spreads load, keeps no secret


@dataclass
class _Jump:
    """A shared connection to a bastion, from the moment that somebody wants it."""

    task: asyncio.Task[HeldConnection]
    since: float = field(default_factory=time.monotonic)

    def is_over(self) -> bool:
        """Tell whether to dial again: the connection was lost, or none was had and hosts have waited a while."""
        if not self.task.done():
            return False
        if self.task.cancelled() or self.task.exception() is not None:
            return time.monotonic() - self.since > _FAILED_JUMP_SECONDS
        return self.task.result().lost

    async def connection(self) -> HeldConnection:
        """Wait for the connection; who gives up waiting takes it from nobody else."""
        return await asyncio.shield(self.task)

    async def close(self) -> None:
        """End the connection, or the attempt."""
        self.task.cancel()
        with contextlib.suppress(CouldNotLook, asyncio.CancelledError):
            await (await self.task).close()


@dataclass
class Switchboard:
    """Opens connections to the hosts of one `ssh_config`; those to bastions are shared, and held until it closes.

    `at_once` bounds the handshakes under way.
    """

    ssh_config: Path
    patience: Patience = field(default_factory=Patience)
    at_once: int = 64
    _jumps: dict[tuple[str, ...], _Jump] = field(default_factory=dict)
    _keys: dict[Path, asyncssh.SSHKey] = field(default_factory=dict)
    _known: dict[tuple[Path, ...], KnownHosts] = field(default_factory=dict)

    @cached_property
    def _routes(self) -> Routes:
        return read_routes(self.ssh_config)

    @cached_property
    def _handshakes(self) -> asyncio.Semaphore:
        return asyncio.Semaphore(self.at_once)

    async def connect(self, host: str) -> HeldConnection:
        """Return a connection to `host`, which is the caller's to close; raise CouldNotLook when there is none."""
        return await self._dial(self._routes.to(host), ())

    async def _dial(self, route: Route, before: tuple[str, ...]) -> HeldConnection:
        known, key = self._known_hosts(route).keys(route.alias, route.port), self._key(route)
        pauses = self.patience.pauses()
        while True:
            jump = await self._through(route.jump, (*before, route.host))
            try:
                async with self._handshakes, asyncio.timeout(self.patience.seconds):
                    return await self._handshake(route, known, key, jump)
            except TimeoutError:
                raise CouldNotLook(say("observe-too-slow", seconds=self.patience.seconds), where=route.host) from None
            except BROKEN as error:
                pause = next(pauses, None) if is_passing(error) else None
                if pause is None:
                    raise could_not_connect(error, route, known=bool(known[0])) from None
            await asyncio.sleep(pause)

    async def _handshake(
        self,
        route: Route,
        known: Keys,
        key: asyncssh.SSHKey,
        jump: asyncssh.SSHClientConnection | None,
    ) -> HeldConnection:
        proxy = Proxy.start(route.proxy_command) if route.proxy_command else None
        try:
            connection = await asyncssh.connect(
                route.address,
                route.port,
                options=self._options,
                config=None,
                tunnel=jump or (),
                sock=proxy.socket if proxy else None,
                username=route.user,
                client_keys=[key],
                known_hosts=known,
                host_key_alias=route.alias,
            )
        except BaseException:
            if proxy:
                await proxy.end()
            raise
        return HeldConnection(route.host, connection, (proxy.end,) if proxy else ())

    @cached_property
    def _options(self) -> asyncssh.SSHClientConnectionOptions:
        return asyncssh.SSHClientConnectionOptions(
            config=None,
            kex_algs=KEY_EXCHANGES,
            encryption_algs=CIPHERS,
            signature_algs=SIGNATURES,
            compression_algs=None,
            x509_trusted_certs=None,
            x509_trusted_cert_paths=[],
            preferred_auth="publickey",
            password_auth=False,
            kbdint_auth=False,
            host_based_auth=False,
            gss_kex=False,
            gss_auth=False,
            agent_forwarding=False,
            agent_path=None,
            keepalive_interval=_KEEPALIVE_SECONDS,
        )

    def _key(self, route: Route) -> asyncssh.SSHKey:
        path, hint = route.identity, say("observe-no-key-hint")
        if path is None:
            raise CouldNotLook(say("observe-no-key", words="IdentityFile"), where=str(self.ssh_config), hint=hint)
        if path not in self._keys:
            try:
                self._keys[path] = asyncssh.read_private_key(path)
            except (OSError, ValueError) as error:
                raise CouldNotLook(say("observe-no-key", words=error), where=str(path), hint=hint) from None
        return self._keys[path]

    def _known_hosts(self, route: Route) -> KnownHosts:
        files = route.known_hosts
        if files not in self._known:
            try:
                lines = [line for file in files if file.exists() for line in file.read_text("utf-8").splitlines()]
                self._known[files] = KnownHosts.read(lines)
            except (OSError, ValueError) as error:
                raise CouldNotLook(
                    say("observe-no-known-hosts", words=error), where=", ".join(map(str, files))
                ) from None
        return self._known[files]

    async def _through(self, jumps: tuple[str, ...], before: tuple[str, ...]) -> asyncssh.SSHClientConnection | None:
        """Return the shared connection to the last of `jumps`, made when there is none; raise CouldNotLook."""
        if not jumps:
            return None
        host = before[-1]
        if jumps[-1] in before:
            raise CouldNotLook(say("observe-circle", jump=jumps[-1]), where=f"{self.ssh_config}: {host}")
        held = self._jumps.get(jumps)
        if held is None or held.is_over():
            held = self._jumps[jumps] = _Jump(asyncio.ensure_future(self._dial_jump(jumps, before)))
        try:
            return (await held.connection()).ssh
        except CouldNotLook as error:
            reason = say("observe-by-way-of", jump=jumps[-1], words=error.what)
            raise CouldNotLook(reason, where=host, hint=error.hint) from None

    async def _dial_jump(self, jumps: tuple[str, ...], before: tuple[str, ...]) -> HeldConnection:
        *nearer, last = jumps
        route = self._routes.to(last)
        # The first of a chain is entered as the file says of it, each other one by way of the one before.
        return await self._dial(replace(route, jump=tuple(nearer), proxy_command="") if nearer else route, before)

    async def close(self) -> None:
        """Let go of the bastions, and with them of every host behind them."""
        jumps, self._jumps = list(self._jumps.values()), {}
        for jump in reversed(jumps):
            await jump.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


async def connect(host: str, ssh_config: Path, patience: Patience | None = None) -> HeldConnection:
    """Return a connection to `host`; closing it lets go of the bastions on the way too. Raise CouldNotLook."""
    switchboard = Switchboard(ssh_config, patience or Patience())
    try:
        connection = await switchboard.connect(host)
    except BaseException:
        await switchboard.close()
        raise
    return replace(connection, let_go=(*connection.let_go, switchboard.close))
