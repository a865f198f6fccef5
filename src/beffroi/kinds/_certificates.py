"""Questions about certificates that several kinds put to OpenSSL, and how its answers read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from ipaddress import ip_address

from ._sections import Section

DAY = 86_400


def stat_of(paths: Iterable[str]) -> str:
    """Return the question who holds files, of those that are there; it fails where one cannot be read."""
    listed = " ".join(paths)
    return (
        f'closed=""; for file in {listed}; do if [ -e "$file" ]; then stat -c \'%a|%U|%G|%F|%n\' "$file"; '
        '[ ! -f "$file" ] || head -c 1 "$file" > /dev/null || closed=$file; fi; done; [ -z "$closed" ]'
    )


def held(line: str) -> tuple[str, str]:
    """Return a file's path, and its owner, group, mode and sort, from a line of `stat_of`."""
    mode, owner, group, sort, path = line.split("|", 4)
    return path, f"{owner}:{group} {int(mode, 8):04o} {sort.replace('regular empty', 'regular')}"


def public_of(command: str) -> str:
    """Return the question for the SHA-256 of the public key that a command prints; it fails where the command does."""
    return f'public=$({command}) && printf %s "$public" | sha256sum'


def digest(section: Section) -> str:
    """Return the SHA-256 that was asked for; "" where there was no key."""
    found = re.match(r"[0-9a-f]{64}\b", section.text.strip())
    return found[0] if found and section.code == 0 else ""


def names(text: str) -> list[str]:
    """Return the DNS names and addresses that OpenSSL prints of a certificate (RFC 5280, 4.2.1.6), sorted."""
    found = re.findall(r"(DNS|IP Address):([^,\s]+)", text)
    return sorted(name if sort == "DNS" else _address(name) for sort, name in found)


def _address(text: str) -> str:
    try:
        return str(ip_address(text.lower()))
    except ValueError:
        return text


def seconds(text: str) -> int:
    """Return the seconds since 1970 of a time such as `2027-02-24 19:19:53Z` (openssl x509 -dateopt iso_8601)."""
    return int(datetime.strptime(text, "%Y-%m-%d %H:%M:%SZ").replace(tzinfo=UTC).timestamp())
