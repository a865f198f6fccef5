"""Writes the expressions of nft's JSON (libnftables-json(5), as nft 1.0.6 lists them) in nft's own language. Pure.

Whatever is not understood is written as compact JSON: the text is then for people, and nft would refuse it.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

Json = Any
"""What `json.loads` returns, of any shape: only looking tells."""

_DEEPEST = 40
_TOO_DEEP = "(...)"
_PLAIN = re.compile(r"[A-Za-z0-9_.:/+-]+|\*|@[A-Za-z0-9_./-]+")
_NO_META_WORD = ("iif", "oif", "iifname", "oifname", "iifgroup", "oifgroup")
_QUOTED_META = re.compile(r"[io]if(name)?|sdif(name)?|[io]br(name|vproto|pvid)?|time|hour|day|cgroup")
_QUOTED_TYPES = ("ifname", "iface_index", "string", "time", "hour", "day", "cgroupsv2")


def quoted(text: object) -> str:
    r"""Return a string in quotes; what nft's strings cannot hold, and what a terminal would obey, as `\xNN`."""
    return '"' + visible(str(text)).replace('"', r"\x22") + '"'


def visible(text: str) -> str:
    r"""Return the text with each character that a terminal would obey, or hide, as `\xNN`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        f"\\x{ord(each):02x}" if unicodedata.category(each) in {"Cc", "Cf", "Cs", "Zl", "Zp"} else each for each in text
    )


def unmodelled(value: object) -> str:
    """Return what is not understood as compact JSON."""
    try:
        return json.dumps(value, separators=(",", ":"), default=str)
    except RecursionError:
        return _TOO_DEEP


def sole(value: object) -> tuple[str, Any]:
    """Return the only key of an object and what it holds; an empty key for anything else."""
    if isinstance(value, dict) and len(value) == 1:
        ((key, inside),) = value.items()
        return str(key), inside
    return "", None


def listed(value: Json) -> list[Any]:
    """Return a list as it is, one thing as a list of one, and none as an empty list: nft writes all three."""
    return value if isinstance(value, list) else [] if value is None else [value]


def quotes_wanted(left: object) -> tuple[bool, ...]:
    """Tell, for each part of a key (one, or those of a concatenation), whether its values are written in quotes."""
    parts = sole(left)[1] if sole(left)[0] == "concat" else [left]
    return tuple(_is_quoted(part) for part in parts) if isinstance(parts, list) else (False,)


def quotes_of_type(written: object) -> tuple[bool, ...]:
    """Tell the same from the type of a set's keys."""
    parts = written if isinstance(written, list) else [written]
    return tuple(part in _QUOTED_TYPES for part in parts)


def _is_quoted(part: object) -> bool:
    key, inside = sole(part)
    field = inside.get("key") if isinstance(inside, dict) else None
    if key == "meta":
        return isinstance(field, str) and bool(_QUOTED_META.fullmatch(field))
    if key == "fib":
        return inside.get("result") in {"oif", "oifname"} if isinstance(inside, dict) else False
    return (key, field) in {("ct", "helper"), ("osf", "name"), ("osf", "version"), ("socket", "cgroupv2")}


def value_text(value: Json, quotes: Sequence[bool] = (False,), depth: int = 0) -> str:
    """Return an expression in nft's words; `quotes` tells whether strings are in quotes, for each part of it."""
    if depth > _DEEPEST:
        return _TOO_DEEP
    if isinstance(value, str | int):
        return _immediate(value, in_quotes=any(quotes))
    if isinstance(value, list):
        return ", ".join(value_text(each, quotes, depth + 1) for each in value)
    key, inside = sole(value)
    try:
        if key in _COMPOUND:
            return _COMPOUND[key](inside, quotes, depth + 1)
        return _SIMPLE[key](inside)
    except (KeyError, TypeError, AttributeError, ValueError, IndexError):
        return unmodelled(value)


def _immediate(value: str | int, *, in_quotes: bool) -> str:
    if isinstance(value, bool):
        return "exists" if value else "missing"
    text = str(value)
    bare = text.startswith("@") or text == "*" or isinstance(value, int) or not in_quotes
    return text if bare and _PLAIN.fullmatch(text) else quoted(text)


def _concatenation(parts: list[Any], quotes: Sequence[bool], depth: int) -> str:
    each = quotes if len(quotes) == len(parts) else [any(quotes)] * len(parts)
    return " . ".join(value_text(part, (quote,), depth) for part, quote in zip(parts, each, strict=True))


def _range(ends: list[Any], quotes: Sequence[bool], depth: int) -> str:
    first, last = ends
    return f"{value_text(first, quotes, depth)}-{value_text(last, quotes, depth)}"


def _prefix(inside: dict[str, Any], quotes: Sequence[bool], depth: int) -> str:
    return f"{value_text(inside['addr'], quotes, depth)}/{int(inside['len'])}"


def _set(elements: Json, quotes: Sequence[bool], depth: int) -> str:
    if not isinstance(elements, list):
        return value_text(elements, quotes, depth)
    return "{ " + ", ".join(element_text(each, quotes, depth) for each in elements) + " }"


def element_text(element: Json, quotes: Sequence[bool] = (False,), depth: int = 0, data: Sequence[bool] = ()) -> str:
    """Return one element of a set, or `key : value` of a map; `data` is about the map's values."""
    if isinstance(element, list) and len(element) == 2:  # noqa: PLR2004 - a key and what it leads to
        key, found = element
        return f"{value_text(key, quotes, depth + 1)} : {value_text(found, data or (False,), depth + 1)}"
    return value_text(element, quotes, depth + 1)


def _element(inside: dict[str, Any], quotes: Sequence[bool], depth: int) -> str:
    words = [value_text(inside["val"], quotes, depth)]
    words += [f"{key} {int(inside[key])}s" for key in ("timeout", "expires") if key in inside]
    words += [_ATTACHED[key](inside[key]) for key in inside if key in _ATTACHED]
    words += [f"comment {quoted(inside['comment'])}"] if "comment" in inside else []
    known = {"val", "timeout", "expires", "comment", *_ATTACHED}
    return " ".join([*words, *(unmodelled({key: inside[key]}) for key in inside if key not in known)])


def _map(inside: dict[str, Any], _: Sequence[bool], depth: int) -> str:
    return mapping("map", inside, depth)


def mapping(word: str, inside: dict[str, Any], depth: int = 0) -> str:
    """Return `KEY map DATA`, or the same with `vmap`."""
    key, found = inside["key"], inside["data"]
    return f"{value_text(key, depth=depth)} {word} {value_text(found, quotes_wanted(key), depth)}"


def _operation(sign: str) -> Callable[[list[Any], Sequence[bool], int], str]:
    def written(sides: list[Any], quotes: Sequence[bool], depth: int) -> str:
        chain = sign == "|" and sole(sides[0])[0] == sign
        first = value_text(sides[0], quotes, depth) if chain else _operand(sides[0], quotes, depth)
        return f" {sign} ".join([first, *(_operand(side, quotes, depth) for side in sides[1:])])

    return written


def _operand(side: Json, quotes: Sequence[bool], depth: int) -> str:
    if isinstance(side, list):
        return "(" + " | ".join(value_text(each, quotes, depth) for each in side) + ")"
    text = value_text(side, quotes, depth)
    return f"({text})" if sole(side)[0] in _OPERATIONS else text


def counter_text(inside: Json) -> str:
    """Return a counter: in the rule or the element, or the name of one; one at zero is what nft makes of the word."""
    if isinstance(inside, dict) and {"packets", "bytes"} <= inside.keys():
        if inside["packets"] == inside["bytes"] == 0:
            return "counter"
        return f"counter packets {int(inside['packets'])} bytes {int(inside['bytes'])}"
    return "counter" if inside is None else f"counter name {value_text(inside, (True,))}"


def limit_text(inside: Json) -> str:
    """Return a limit: written here, or the name of one."""
    if not isinstance(inside, dict) or "rate" not in inside:
        return f"limit name {value_text(inside, (True,))}"
    over = "over " if inside.get("inv") else ""
    unit = f" {inside['rate_unit']}" if inside.get("rate_unit", "packets") != "packets" else ""
    burst = f" burst {int(inside['burst'])} {inside.get('burst_unit', 'packets')}" if inside.get("burst") else ""
    return f"limit rate {over}{int(inside['rate'])}{unit}/{inside.get('per', 'second')}{burst}"


def quota_text(inside: Json) -> str:
    """Return a quota: written here, or the name of one."""
    if not isinstance(inside, dict) or "val" not in inside:
        return f"quota name {value_text(inside, (True,))}"
    used = f" used {int(inside['used'])} {inside.get('used_unit', 'bytes')}" if inside.get("used") else ""
    over = "over " if inside.get("inv") else ""
    return f"quota {over}{int(inside['val'])} {inside.get('val_unit', 'bytes')}{used}"


def connections_text(inside: dict[str, Any]) -> str:
    """Return a limit on the number of connections."""
    return f"ct count {'over ' if inside.get('inv') else ''}{int(inside['val'])}"


_ATTACHED: dict[str, Callable[[Any], str]] = {
    "counter": counter_text,
    "limit": limit_text,
    "quota": quota_text,
    "ct count": connections_text,
}


def _payload(inside: dict[str, Any]) -> str:
    if "protocol" in inside:
        return f"{inside['protocol']} {inside['field']}"
    return f"@{inside['base']},{int(inside['offset'])},{int(inside['len'])}"


def _meta(inside: dict[str, Any]) -> str:
    return str(inside["key"]) if inside["key"] in _NO_META_WORD else f"meta {inside['key']}"


def _option(word: str) -> Callable[[dict[str, Any]], str]:
    def written(inside: dict[str, Any]) -> str:
        if "base" in inside:
            return f"{word}@{int(inside['base'])},{int(inside['offset'])},{int(inside['len'])}"
        return f"{word}{inside['name']}" + (f" {inside['field']}" if "field" in inside else "")

    return written


def _extension(inside: dict[str, Any]) -> str:
    return f"{inside['name']} {inside['field']}" if "field" in inside else f"exthdr {inside['name']}"


def _worded(word: str, *keys: str) -> Callable[[dict[str, Any]], str]:
    """Write the word and those of the keys that are there, in this order, by what they hold alone."""

    def written(inside: dict[str, Any]) -> str:
        return " ".join([word, *(str(inside[key]) for key in keys if key in inside)])

    return written


def _modulo(inside: dict[str, Any]) -> str:
    seed = f" seed {hex(inside['seed'])}" if "seed" in inside else ""
    return f"mod {int(inside['mod'])}{seed}" + (f" offset {int(inside['offset'])}" if inside.get("offset") else "")


def _fib(inside: dict[str, Any]) -> str:
    flags = inside["flags"] if isinstance(inside["flags"], list) else [inside["flags"]]
    return f"fib {' . '.join(map(str, flags))} {inside['result']}"


def _fingerprint(inside: dict[str, Any]) -> str:
    return "osf " + (f"ttl {inside['ttl']} " if "ttl" in inside else "") + str(inside["key"])


def _ipsec(inside: dict[str, Any]) -> str:
    number = f"spnum {int(inside['spnum'])} " if inside.get("spnum") else ""
    family = f"{inside['family']} " if "family" in inside else ""
    return f"ipsec {inside['dir']} {number}{family}{inside['key']}"


def _verdict(word: str) -> Callable[[Any], str]:
    return lambda inside: f"{word} {value_text(inside['target'])}" if isinstance(inside, dict) else word


VERDICTS = ("accept", "drop", "continue", "return", "break", "jump", "goto")
_OPERATIONS = ("&", "|", "^", "<<", ">>")
_COMPOUND: dict[str, Callable[[Any, Sequence[bool], int], str]] = {
    "concat": _concatenation,
    "range": _range,
    "prefix": _prefix,
    "set": _set,
    "elem": _element,
    "map": _map,
    **{sign: _operation(sign) for sign in _OPERATIONS},
}
_SIMPLE: dict[str, Callable[[Any], str]] = {
    "payload": _payload,
    "meta": _meta,
    "ct": _worded("ct", "dir", "key"),
    "rt": _worded("rt", "family", "key"),
    "socket": _worded("socket", "key"),
    "exthdr": _extension,
    "tcp option": _option("tcp option "),
    "ip option": _option("ip option "),
    "sctp chunk": _option("sctp chunk "),
    "dccp option": _option("dccp option "),
    "numgen": lambda inside: f"numgen {inside['mode']} {_modulo(inside)}",
    "jhash": lambda inside: f"jhash {value_text(inside['expr'])} {_modulo(inside)}",
    "symhash": lambda inside: f"symhash {_modulo(inside)}",
    "fib": _fib,
    "osf": _fingerprint,
    "ipsec": _ipsec,
    **{word: _verdict(word) for word in VERDICTS},
}
