"""Where Debian 12 comes from: the mirrors that this computer's own apt already uses."""

from __future__ import annotations

import os
from pathlib import Path

from .command import run, succeeds

SUITE = "bookworm"
_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def architecture() -> str:
    """Return Debian's name of this computer's processor, such as `amd64`."""
    return run(["dpkg", "--print-architecture"]).strip()


def source_lines() -> list[str]:
    """Return apt's source lines for Debian 12, its updates and its security updates; empty when no mirror is known.

    BEFFROI_DEBIAN_MIRROR names a mirror (`.../debian`; security updates are looked for in `.../debian-security`).
    Otherwise the mirrors are those of this computer's apt, so that a machine behind a town's own mirror or at a
    snapshot of one day stays there.
    """
    main, security = _mirrors()
    suites = [(main, SUITE), (main, f"{SUITE}-updates"), (security, f"{SUITE}-security")]
    option = f"[signed-by={_KEYRING}] " if Path(_KEYRING).exists() else ""
    return [f"deb {option}{mirror} {suite} main" for mirror, suite in suites if mirror]


def _mirrors() -> tuple[str, str]:
    named = os.environ.get("BEFFROI_DEBIAN_MIRROR", "").rstrip("/")
    if named:
        return named, f"{named}-security"
    listing = ["apt-get", "indextargets", "--format", "$(ORIGIN)|$(LABEL)|$(REPO_URI)", "Created-By: Packages"]
    found: dict[str, str] = {}
    for line in run(listing).splitlines() if succeeds(listing) else ():
        origin, label, uri = line.split("|")
        if origin == "Debian":
            found.setdefault(label, uri)
    return found.get("Debian", ""), found.get("Debian-Security", "")
