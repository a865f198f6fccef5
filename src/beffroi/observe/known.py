"""The host keys that are known (`known_hosts`, sshd(8)): looked up by name, however many there are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

import asyncssh

_SIGNS = frozenset("*?!|@")
"""What makes a line more than names and a key: patterns, hashed names, authorities and revoked keys."""

_SSH_PORT = 22

Keys = tuple[list[asyncssh.SSHKey], ...]
"""Trusted keys, trusted authorities, revoked keys."""


@dataclass
class KnownHosts:
    """Keys by exact name; whatever is more than that is left to asyncssh, which asks the resolver at each look-up."""

    exact: dict[str, list[asyncssh.SSHKey]] = field(default_factory=dict)
    patterned: asyncssh.SSHKnownHosts | None = None

    @classmethod
    def read(cls, lines: Iterable[str]) -> Self:
        """Read the lines of `known_hosts` files; raise ValueError when one is none. Keys of unknown sorts are none."""
        known, rest = cls(), []
        for line in map(str.strip, lines):
            names, _, key = line.partition(" ")
            if not line or line.startswith("#"):
                continue
            if set(names) & _SIGNS:
                rest.append(line)
                continue
            try:
                imported = asyncssh.import_public_key(key)
            except asyncssh.KeyImportError:
                rest.append(line)  # malformed, or a certificate: asyncssh tells which
                continue
            for name in names.split(","):
                known.exact.setdefault(name, []).append(imported)
        if rest:
            known.patterned = asyncssh.import_known_hosts("\n".join(rest))
        return known

    def keys(self, name: str, port: int) -> Keys:
        """Return what is known of `name`; of `[name]:port` rather, where the port is another one and that is known."""
        bracketed = f"[{name}]:{port}" if port != _SSH_PORT else name
        trusted = self.exact.get(bracketed) or self.exact.get(name) or []
        if self.patterned is None:
            return trusted, [], []
        more = self.patterned.match(name, "", port if port != _SSH_PORT else None)
        return [*trusted, *more[0]], list(more[1]), list(more[2])
