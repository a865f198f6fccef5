"""Reads what `nft -s list ruleset` prints: chains with their rules, and named sets. Pure.

`-s` leaves counters out, so that two listings of the same rules, by the same nft, are the same text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network, summarize_address_range

Network = IPv4Network | IPv6Network

_TABLE = re.compile(r"^table (?P<name>\S+ \S+) \{$")
_BLOCK = re.compile(r"^(?P<sort>chain|set|map|flowtable|counter|limit|quota) (?P<name>\S+) \{$")
_BASE = re.compile(r"^type \S+ hook (?P<hook>\S+) .*?policy (?P<policy>\w+);")
_COMMENT = re.compile(r'\s*comment "[^"]*"')


@dataclass(frozen=True)
class Block:
    """A chain, a set or another object of a table; `lines` are its statements, one each."""

    table: str
    sort: str
    name: str
    lines: tuple[str, ...]

    @property
    def hook(self) -> str:
        """Return the hook of a base chain, or an empty string."""
        found = _BASE.match(self.lines[0]) if self.lines else None
        return found["hook"] if found else ""

    @property
    def policy(self) -> str:
        """Return the policy of a base chain, or an empty string."""
        found = _BASE.match(self.lines[0]) if self.lines else None
        return found["policy"] if found else ""


def blocks(listing: str) -> list[Block]:
    """Return the objects of every table; raise ValueError when the text is not a listing."""
    found: list[Block] = []
    table, sort, name = "", "", ""
    lines: list[str] = []
    for line in _statements(listing):
        if not table:
            if not (opened := _TABLE.match(line)):
                raise ValueError(line)
            table = opened["name"]
        elif sort and line == "}":
            found.append(Block(table, sort, name, tuple(lines)))
            sort, lines = "", []
        elif sort:
            lines.append(line)
        elif line == "}":
            table = ""
        elif started := _BLOCK.match(line):
            sort, name = started["sort"], started["name"]
    if table:
        raise ValueError(listing[-200:])
    return found


def rules(listing: str) -> list[str]:
    """Return every statement with the object that holds it (`inet beffroi input: ...`), in the listing's order."""
    return [
        f"{block.table} {block.name}: {line}" for block in blocks(listing) for line in (block.lines or ("(empty)",))
    ]


def named_sets(found: Iterable[Block]) -> dict[str, tuple[Network, ...]]:
    """Return the networks of each named set of addresses."""
    return {
        block.name: networks(line.removeprefix("elements = "), {})
        for block in found
        for line in block.lines
        if block.sort == "set" and line.startswith("elements = ")
    }


def networks(written: str, sets: dict[str, tuple[Network, ...]]) -> tuple[Network, ...]:
    """Return the networks that a match names: an address, a prefix, a range, `{ ... }` or `@set`."""
    if written.startswith("@"):
        return sets[written[1:]]
    return tuple(network for part in written.strip("{ }").split(",") for network in _networks_of(part.strip()))


def without_comment(rule: str) -> str:
    """Return the rule without its comment, which may say anything."""
    return _COMMENT.sub("", rule)


def _networks_of(part: str) -> Iterator[Network]:
    first, dash, last = part.partition("-")
    if dash:
        yield from summarize_address_range(ip_address(first), ip_address(last))
    else:
        yield ip_network(part)


def _statements(listing: str) -> Iterator[str]:
    """Yield the lines, those that nft breaks inside braces joined again."""
    pending = ""
    for line in listing.splitlines():
        pending = f"{pending} {line.strip()}".strip()
        bare = re.sub(r'"[^"]*"', "", pending)
        if bare.count("{") - bare.count("}") > (1 if bare.endswith("{") and "=" not in bare else 0):
            continue
        if pending:
            yield pending
        pending = ""
