"""The words of nft's JSON that the compiler writes. Pure. Source: libnftables-json(5)."""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any

from .firewall import Family
from .intervals import Range

IP_VERSIONS: tuple[tuple[str, Family], ...] = (("ip", 4), ("ip6", 6))
FAMILY_NUMBER: dict[str, Family] = dict(IP_VERSIONS)
FAMILY_WORDS: dict[str, Any] = {"ip": IPv4Network, "ip6": IPv6Network}
_ADDRESSES: dict[Family, Any] = {4: IPv4Address, 6: IPv6Address}
_WIDTHS: dict[Family, int] = {4: 32, 6: 128}

ACCEPT: dict[str, Any] = {"accept": None}
DROP: dict[str, Any] = {"drop": None}
COUNTER: dict[str, Any] = {"counter": None}

LONGEST_COMMENT = 127
"""Bytes of a comment that the kernel keeps (NFTNL_UDATA_COMMENT_MAXLEN, with its final zero)."""


def rule(comment: str, *expressions: dict[str, Any]) -> dict[str, Any]:
    """Return a rule without its place."""
    return {"comment": comment, "expr": list(expressions)}


def chain(name: str, kind: str, hook: str, priority: int, policy: str) -> dict[str, Any]:
    """Return a base chain without its table."""
    return {"name": name, "type": kind, "hook": hook, "prio": priority, "policy": policy}


def equals(left: dict[str, Any], right: object, operator: str = "==") -> dict[str, Any]:
    """Return a match; a set of one element is that element, as nft lists it."""
    if isinstance(right, dict) and len(right.get("set", ())) == 1:
        right = right["set"][0]
    return {"match": {"op": operator, "left": left, "right": right}}


def payload(protocol: str, field: str) -> dict[str, Any]:
    """Return a field of a header."""
    return {"payload": {"protocol": protocol, "field": field}}


def concat(keys: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return keys looked up together."""
    return {"concat": list(keys)} if len(keys) > 1 else keys[0]


def limited(rate: int, burst: int) -> dict[str, Any]:
    """Return a limit in packets a second."""
    return {"limit": {"rate": rate, "burst": burst, "per": "second"}}


def refusals_logged(hook: str) -> list[dict[str, Any]]:
    """Return the rules that log a sample of what a chain refuses, and count all of it."""
    return [
        rule("a sample of what is refused", limited(5, 10), {"log": {"prefix": f"beffroi {hook} refused: "}}),
        rule("refused", COUNTER),
    ]


def address(family: str) -> str:
    """Return nft's type of addresses."""
    return {"ip": "ipv4_addr", "ip6": "ipv6_addr"}[family]


def span(network_: IPv4Network | IPv6Network) -> Range:
    """Return the first and the last address of a network, as numbers."""
    return int(network_.network_address), int(network_.broadcast_address)


def network(family: Family, ends: Range) -> Any:  # noqa: ANN401 - nft's JSON
    """Return a range of addresses as nft lists it: one address, a prefix, or a range."""
    low, high = ends
    first = str(_ADDRESSES[family](low))
    if low == high:
        return first
    size = high - low + 1
    if size & (size - 1) == 0 and low % size == 0:
        return {"prefix": {"addr": first, "len": _WIDTHS[family] - size.bit_length() + 1}}
    return {"range": [first, str(_ADDRESSES[family](high))]}


def as_nft_lists(interface: str) -> int:
    """Return the number by which nft orders interfaces in a set without a name: their bytes, the first one lowest."""
    return int.from_bytes(interface.encode(), "little")


def shortened(flows: Sequence[str]) -> str:
    """Return flows' names as a comment that the kernel keeps whole: those that do not fit are counted."""
    for shown in range(len(flows), 0, -1):
        left = len(flows) - shown
        text = ", ".join(flows[:shown]) + (f" +{left}" if left else "")
        if len(text) <= LONGEST_COMMENT:
            return text
    return flows[0][:LONGEST_COMMENT]
