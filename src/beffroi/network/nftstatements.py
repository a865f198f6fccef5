"""Writes the statements of nft's JSON (libnftables-json(5), as nft 1.0.6 lists them) in nft's own language. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .nftvalues import (
    VERDICTS,
    Json,
    connections_text,
    counter_text,
    limit_text,
    listed,
    mapping,
    quota_text,
    quoted,
    quotes_wanted,
    sole,
    unmodelled,
    value_text,
)

_BITS = {("tcp", "flags"), ("ct", "state"), ("ct", "status"), ("ct", "event"), ("ct", "label"), ("dccp", "type")}


def statement_text(statement: Json) -> str:
    """Return a statement in nft's words."""
    key, inside = sole(statement)
    try:
        return _STATEMENTS[key](inside)
    except (KeyError, TypeError, AttributeError, ValueError):
        return unmodelled(statement)


def _match(inside: dict[str, Any]) -> str:
    left, right, operator = inside["left"], inside["right"], inside["op"]
    written = value_text(left)
    quotes = quotes_wanted(left)
    sign = f" {operator}"
    if operator == "in" or (operator == "==" and not _says_equal(left, right)):
        sign = ""
    if isinstance(right, list):
        several = " | " if operator in {"==", "!="} else ","
        joined = several.join(value_text(each, quotes) for each in right)
        return f"{written}{sign} ({joined})" if several == " | " else f"{written}{sign} {joined}"
    return f"{written}{sign} {value_text(right, quotes)}"


def _says_equal(left: Json, right: Json) -> bool:
    """Tell whether nft would take a match without operator for a test of bits, which `==` is not."""
    key, inside = sole(left)
    if key in {"&", "|", "^", "<<", ">>"}:
        return True
    if sole(right)[0] in {"set", "range"} or (isinstance(right, str) and right.startswith("@")):
        return False
    field = inside.get("field", inside.get("key")) if isinstance(inside, dict) else None
    return (inside.get("protocol") if key == "payload" else key, field) in _BITS if field else False


def _reference(word: str) -> Callable[[Any], str]:
    return lambda inside: f"{word} {value_text(inside, (True,))}"


def _mangle(inside: dict[str, Any]) -> str:
    return f"{value_text(inside['key'])} set {_assigned(inside['value'], quotes_wanted(inside['key']))}"


def _assigned(value: Json, quotes: tuple[bool, ...]) -> str:
    if isinstance(value, list):
        return ",".join(value_text(each, quotes) for each in value)
    return value_text(value, quotes)


def _translate(word: str) -> Callable[[Any], str]:
    def written(inside: dict[str, Any] | None) -> str:
        if inside is None:
            return word
        words = [word, *([str(inside["family"])] if "family" in inside and "addr" in inside else [])]
        words += ["prefix"] if "prefix" in listed(inside.get("type_flags")) else []
        words += _target(inside)
        flags = [flag for flag in listed(inside.get("flags")) if flag != "netmap"]
        return " ".join([*words, *([",".join(map(str, flags))] if flags else [])])

    return written


def _target(inside: dict[str, Any]) -> list[str]:
    address = value_text(inside["addr"]) if "addr" in inside else ""
    if "port" not in inside:
        return ["to", address] if address else []
    port = value_text(inside["port"])
    if ":" in address and sole(inside["addr"])[0] != "map":
        address = "-".join(f"[{end}]" for end in address.split("-"))
    return ["to", f"{address}:{port}"]


def _reject(inside: dict[str, Any] | None) -> str:
    if inside is None:
        return "reject"
    code = f" {value_text(inside['expr'])}" if "expr" in inside else ""
    return f"reject with {inside['type']}{code}"


def _log(inside: dict[str, Any] | None) -> str:
    words = ["log"]
    for key in ("prefix", "group", "snaplen", "queue-threshold", "level") if inside else ():
        if inside and key in inside:
            words += [key, quoted(inside[key]) if key == "prefix" else str(inside[key])]
    for flag in listed(inside.get("flags")) if inside else ():
        words += [f"flags {flag}"]
    return " ".join(words)


def _set(inside: dict[str, Any]) -> str:
    attached = "".join(f" {statement_text(each)}" for each in listed(inside.get("stmt")))
    leads = f" : {value_text(inside['data'])}" if "data" in inside else ""
    name = inside["set"] if "set" in inside else inside["map"]
    return f"{inside['op']} {name} {{ {value_text(inside['elem'])}{attached}{leads} }}"


def _meter(inside: dict[str, Any]) -> str:
    size = f" size {int(inside['size'])}" if "size" in inside else ""
    return f"meter {inside['name']}{size} {{ {value_text(inside['key'])} {statement_text(inside['stmt'])} }}"


def _queue(inside: dict[str, Any] | None) -> str:
    if inside is None:
        return "queue"
    flags = listed(inside.get("flags"))
    number = [f"to {value_text(inside['num'])}"] if "num" in inside else []
    return " ".join(["queue", *([f"flags {','.join(map(str, flags))}"] if flags else []), *number])


def _forward(inside: dict[str, Any]) -> str:
    device = value_text(inside["dev"], (True,))
    if "addr" not in inside:
        return f"fwd to {device}"
    return f"fwd {inside['family']} to {value_text(inside['addr'])} device {device}"


def _duplicate(inside: dict[str, Any]) -> str:
    device = f" device {value_text(inside['dev'], (True,))}" if "dev" in inside else ""
    return f"dup to {value_text(inside['addr'])}{device}"


def _transparent(inside: dict[str, Any]) -> str:
    family = f" {inside['family']}" if "family" in inside else ""
    return " ".join([f"tproxy{family}", *_target(inside)])


def _handshake(inside: Json) -> str:
    if not isinstance(inside, dict) and inside is not None:
        return f"synproxy name {value_text(inside, (True,))}"
    found = inside or {}
    if sole(found)[0] == "map":
        return f"synproxy name {value_text(found)}"
    words = [f"{key} {int(found[key])}" for key in ("mss", "wscale") if key in found]
    return " ".join(["synproxy", *words, *map(str, listed(found.get("flags")))])


def _verdict(word: str) -> Callable[[Any], str]:
    return lambda inside: value_text({word: inside})


_STATEMENTS: dict[str, Callable[[Any], str]] = {
    "match": _match,
    "vmap": lambda inside: mapping("vmap", inside),
    "counter": counter_text,
    "limit": limit_text,
    "quota": quota_text,
    "ct count": connections_text,
    "ct helper": _reference("ct helper set"),
    "ct timeout": _reference("ct timeout set"),
    "ct expectation": _reference("ct expectation set"),
    "secmark": _reference("meta secmark set"),
    "mangle": _mangle,
    "snat": _translate("snat"),
    "dnat": _translate("dnat"),
    "masquerade": _translate("masquerade"),
    "redirect": _translate("redirect"),
    "reject": _reject,
    "log": _log,
    "set": _set,
    "map": _set,
    "meter": _meter,
    "queue": _queue,
    "fwd": _forward,
    "dup": _duplicate,
    "tproxy": _transparent,
    "synproxy": _handshake,
    "flow": lambda inside: f"flow {inside['op']} {inside['flowtable']}",
    "notrack": lambda _: "notrack",
    "reset": lambda inside: f"reset {value_text(inside)}",
    "xt": lambda inside: f"xt {inside['type']} {quoted(inside['name'])}",
    **{word: _verdict(word) for word in VERDICTS},
}
