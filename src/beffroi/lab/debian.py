"""The lab's one system, Debian 12: which machines it can boot, and the mirrors that it comes from."""

from __future__ import annotations

import os
from pathlib import Path

from beffroi.city.loader import Loaded
from beffroi.errors import InvalidCity, Problem
from beffroi.fieldpath import FieldPath, dotted, nearest
from beffroi.messages import say

from .command import run, succeeds

SUITE = "bookworm"
SYSTEM = "debian-12"
_KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


def require_bootable(written: Loaded) -> None:
    """Raise InvalidCity, at each place where it is written, unless the lab's image is every machine's system."""
    city, problems = written.city, []
    for name, machine in city.machines().items():
        if machine.os != SYSTEM:
            path: FieldPath = ("gateways" if name in city.gateways else "hosts", name, "os")
            place = written.places[nearest(path, written.places)]
            reason = say("lab-other-system", system=machine.os, only=SYSTEM)
            problems.append(Problem(place.file, place.line, dotted(path), reason, say("lab-other-system-hint")))
    if problems:
        raise InvalidCity(problems)


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
