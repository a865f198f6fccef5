"""Values of nft's JSON as sets of numbers: names, addresses, prefixes, ranges, masks and comparisons. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from beffroi.fieldpath import visible
from beffroi.messages import say
from beffroi.network.firewall import Family
from beffroi.network.intervals import Intervals, Range, complement, normal

from .refusals import NotAFirewall, NotModelled, malformed

MOST_PIECES = 4096
"""Ranges that one masked comparison may come to; beyond, it is not modelled."""


@dataclass(frozen=True)
class Scale:
    """How the values of one key are written: the last number, the names of numbers, or addresses of a family.

    `bits` says that the key is a set of flags, which `in` and a list test one by one.
    """

    top: int
    words: Mapping[str, int] = field(default_factory=dict)
    family: Family | None = None
    bits: bool = False


@dataclass(frozen=True)
class Test:
    """What a key is compared with: `operator` as nft prints it, `values` as JSON, `mask` from `key & mask`.

    `several` tells a set, of which the key must equal one element; `catchall` that the set holds `*`.
    """

    operator: str
    values: tuple[object, ...]
    mask: object = None
    several: bool = False
    catchall: bool = False


def equal_to(value: object) -> Test:
    """Return the test of one element of a set or map."""
    return Test("==", (value,), catchall=value == "*")


def satisfying(test: Test, scale: Scale) -> Intervals:
    """Return the numbers of the scale that pass; raise NotModelled or NotAFirewall for values that cannot be read."""
    if test.operator == "==" and test.mask is None and len(test.values) == 1 and not test.catchall:
        return (span(test.values[0], scale),)
    mask = scale.top if test.mask is None else number(test.mask, scale)
    if scale.bits and not test.several and test.operator in {"in", "!"}:
        any_of = number(test.values[0], scale) & mask
        unset = spread(((0, 0),), any_of, scale.top)
        return unset if test.operator == "!" else complement(unset, scale.top)
    found = ((0, scale.top),) if test.catchall else spread(_compared(test, scale), mask, scale.top)
    return complement(found, scale.top) if test.operator == "!=" else found


def _compared(test: Test, scale: Scale) -> Intervals:
    if test.operator in {"==", "!=", "in"}:
        return normal(span(value, scale) for value in test.values)
    if test.operator not in {"<", ">", "<=", ">="}:
        raise NotModelled(test.operator)
    bound = number(test.values[0], scale)
    if test.operator in {"<", "<="}:
        last = bound - (test.operator == "<")
        return ((0, last),) if last >= 0 else ()
    first = bound + (test.operator == ">")
    return ((first, scale.top),) if first <= scale.top else ()


def span(value: object, scale: Scale) -> Range:
    """Return the first and last number of a value: a number, `{"prefix": ...}` or `{"range": ...}`."""
    if isinstance(value, dict):
        prefix, limits = value.get("prefix"), value.get("range")
        if isinstance(prefix, dict) and isinstance(prefix.get("len"), int):
            return _prefix(number(prefix.get("addr"), scale), prefix["len"], scale.top)
        if isinstance(limits, list) and len(limits) == 2:  # noqa: PLR2004 - first and last
            low, high = number(limits[0], scale), number(limits[1], scale)
            if low > high:
                raise malformed(value)
            return low, high
    single = number(value, scale)
    return single, single


def _prefix(address: int, length: int, top: int) -> Range:
    width = top.bit_length()
    if not 0 <= length <= width:
        raise malformed(length)
    below = (1 << (width - length)) - 1
    return address & ~below, address | below


def number(value: object, scale: Scale) -> int:
    """Return the number of one value; flags joined by `|` or listed are one number together."""
    if isinstance(value, str):
        return _named(value, scale)
    if isinstance(value, bool):
        raise NotModelled(str(value))
    if isinstance(value, int):
        if not 0 <= value <= scale.top:
            raise malformed(value)
        return value
    if isinstance(value, dict):
        if len(value) != 1 or not isinstance(value.get("|"), list):
            raise NotModelled(visible(str(value)))
        value = value["|"]
    if not isinstance(value, list) or scale.family is not None:
        raise malformed(value)
    joined = 0
    for part in value:
        joined |= number(part, scale)
    return joined


def _named(text: str, scale: Scale) -> int:
    if scale.family is not None:
        return address_number(text, scale.family)
    if text in scale.words:
        return scale.words[text]
    try:
        found = int(text, 0)
    except ValueError:
        raise NotModelled(visible(text)) from None
    if not 0 <= found <= scale.top:
        raise malformed(text)
    return found


@lru_cache(maxsize=1 << 16)
def address_number(text: str, family: Family) -> int:
    """Return the number of an address; raise NotAFirewall for one of another family, or with a zone."""
    try:
        if family == 4:  # noqa: PLR2004 - the families are called by their number
            return int(IPv4Address(text))
        if "%" not in text:
            return int(IPv6Address(text))
    except AddressValueError:
        pass
    raise NotAFirewall(say("reading-no-address", text=visible(text), family=family))


def spread(wanted: Intervals, mask: int, top: int) -> Intervals:
    """Return every x up to `top` (all ones) whose `x & mask` is in `wanted`; NotModelled beyond MOST_PIECES ranges."""
    if mask == top:
        return wanted
    free = top & ~mask
    low = (free ^ (free + 1)).bit_length() - 1
    scattered = [1 << bit for bit in range(low, top.bit_length()) if free >> bit & 1]
    block = (1 << low) - 1
    found: list[Range] = []
    for first, last in wanted:
        if not scattered:
            start, end = (first + block) & ~block, last | block
            found += [(start, end)] if start <= end else []
            continue
        if last - first >= MOST_PIECES or len(scattered) >= MOST_PIECES.bit_length():
            raise NotModelled(hex(mask))
        for value in range(first, last + 1):
            if not value & free:
                found += [(base, base | block) for base in _sums(value, scattered)]
        if len(found) > MOST_PIECES:
            raise NotModelled(hex(mask))
    return normal(found)


def _sums(value: int, bits: list[int]) -> list[int]:
    sums = [value]
    for bit in bits:
        sums += [each | bit for each in sums]
    return sums
