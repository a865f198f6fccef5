"""Writes nft's JSON (the objects that `nft -j list ruleset` lists) in nft's own language. Pure.

One printer for the rulesets that are compiled and for any rule that is shown. A ruleset that nft 1.0.6 lists is written
as a text that nft loads; what is not understood is written as compact JSON, and nothing raises.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from .nftstatements import statement_text
from .nftvalues import Json, element_text, listed, quoted, quotes_of_type, unmodelled, visible

_INDENT = " " * 4
_LONGEST_KEPT = 4096
_IP_PRIORITIES = {-300: "raw", -150: "mangle", 0: "filter", 50: "security"}
_NAT_PRIORITIES = {("prerouting", -100): "dstnat", ("postrouting", 100): "srcnat"}
_STATEFUL = ("counter", "quota", "limit", "ct helper", "ct timeout", "ct expectation", "secmark", "synproxy")
_ORDER = (*_STATEFUL, "set", "map", "flowtable", "chain")
"""The order in which nft lists the parts of a table: no part names one that comes after it."""


def rule_text(expressions: Sequence[Any]) -> str:
    """Return a rule's statements in nft's words."""
    written = repr(expressions)
    return _words(expressions) if len(written) > _LONGEST_KEPT else _words_of(_Written(written, expressions))


@dataclass(frozen=True)
class _Written:
    """A rule's statements as a key of a cache: the same when they are written the same."""

    text: str
    expressions: Sequence[Any] = field(compare=False)


@lru_cache(maxsize=4096)
def _words_of(written: _Written) -> str:
    """Return the same, once: machines have most rules in common."""
    return _words(written.expressions)


def _words(expressions: Sequence[Any]) -> str:
    return visible(" ".join(statement_text(each) for each in expressions))


def ruleset_text(objects: Iterable[Any]) -> str:
    """Return tables, sets, chains and rules as a file of nft; `metainfo` and whatever is no object are left out."""
    tables: dict[tuple[str, str], dict[str, Any]] = {}
    parts: dict[tuple[str, str], list[tuple[str, dict[str, Any]]]] = {}
    for each in objects:
        for sort, found in each.items() if isinstance(each, dict) else ():
            if isinstance(found, dict) and sort != "metainfo":
                family = str(found.get("family", ""))
                place = (family, str(found.get("name" if sort == "table" else "table", "")))
                tables.setdefault(place, found if sort == "table" else {})
                parts.setdefault(place, []).append((sort, found))
    return "\n".join(_table(*place, table, parts[place]) for place, table in tables.items())


def _table(family: str, name: str, table: dict[str, Any], parts: list[tuple[str, dict[str, Any]]]) -> str:
    rules: dict[str, list[dict[str, Any]]] = {}
    for sort, found in parts:
        if sort == "rule":
            rules.setdefault(str(found.get("chain", "")), []).append(found)
    blocks = [_flags("flags", table)] if table.get("flags") else []
    for sort in _ORDER:
        for which, found in parts:
            if which == sort:
                lines = _lines(sort, found, rules)
                blocks.append(_block(f"{sort} {_word(found.get('name', ''))}", lines))
    known = {*_ORDER, "rule", "table"}
    blocks += [f"# {unmodelled({sort: found})}" for sort, found in parts if sort not in known]
    body = "\n\n".join("".join(f"{_INDENT}{line}\n" for line in block.splitlines())[:-1] for block in blocks)
    return f"table {_word(family)} {_word(name)} {{\n{body}\n}}\n"


def _block(head: str, lines: Iterable[str]) -> str:
    return f"{head} {{\n" + "".join(f"{_INDENT}{line}\n" for line in lines) + "}"


def _lines(sort: str, found: dict[str, Any], rules: dict[str, list[dict[str, Any]]]) -> Iterator[str]:
    if sort == "chain":
        yield from _chain(found, rules.get(str(found.get("name", "")), []))
    elif sort in {"set", "map"}:
        yield from _set(found)
    elif sort == "flowtable":
        yield f"hook {_word(found.get('hook'))} priority {_word(found.get('prio'))}"
        yield f"devices = {{ {', '.join(map(quoted, listed(found.get('dev'))))} }}"
    else:
        yield from _stateful(sort, found)


def _chain(chain: dict[str, Any], rules: Iterable[dict[str, Any]]) -> Iterator[str]:
    if "hook" in chain:
        hook = str(chain["hook"])
        devices = [f" device {quoted(chain['dev'])}"] if isinstance(chain.get("dev"), str) else []
        policy = f" policy {_word(chain['policy'])};" if "policy" in chain else ""
        kind = f"type {_word(chain.get('type'))} hook {_word(hook)}{''.join(devices)}"
        yield f"{kind} priority {_priority(str(chain.get('family')), hook, chain.get('prio'))};{policy}"
    for rule in rules:
        expressions = rule.get("expr", [])
        text = rule_text(expressions if isinstance(expressions, list) else [expressions])
        comment = f"comment {quoted(rule['comment'])}" if "comment" in rule else ""
        yield " ".join(filter(None, (text, comment)))


def _priority(family: str, hook: str, number: Json) -> str:
    if family in {"inet", "ip", "ip6"} and isinstance(number, int):
        return _NAT_PRIORITIES.get((hook, number)) or _IP_PRIORITIES.get(number) or str(number)
    return _word(number)


def _set(found: dict[str, Any]) -> Iterator[str]:
    """Write one element a line, each with its comma, so that one more element is one more line."""
    kinds = " . ".join(map(_word, listed(found.get("type"))))
    data = found.get("map")
    leads = " . ".join(map(_word, listed(data))) if data is not None else ""
    yield f"type {kinds}" + (f" : {leads}" if leads else "")
    if found.get("flags"):
        yield _flags("flags", found)
    for key in ("timeout", "gc-interval"):
        if key in found:
            yield f"{key} {_word(found[key])}s"
    for key in ("size", "policy"):
        if key in found:
            yield f"{key} {_word(found[key])}"
    if "comment" in found:
        yield f"comment {quoted(found['comment'])}"
    yield from (statement_text(each) for each in listed(found.get("stmt")))
    elements = listed(found.get("elem"))
    if elements:
        quotes, values = quotes_of_type(found.get("type")), quotes_of_type(data)
        yield "elements = {"
        yield from (f"{_INDENT}{element_text(each, quotes, 0, values)}," for each in elements)
        yield "}"


def _stateful(sort: str, found: dict[str, Any]) -> Iterator[str]:
    if "comment" in found:
        yield f"comment {quoted(found['comment'])}"
    if sort == "counter":
        yield f"packets {_word(found.get('packets', 0))} bytes {_word(found.get('bytes', 0))}"
    elif sort == "quota":
        over = "over " if found.get("inv") else ""
        yield f"{over}{_word(found.get('bytes', 0))} bytes used {_word(found.get('used', 0))} bytes"
    elif sort == "limit":
        yield statement_text({"limit": found}).removeprefix("limit ")
    elif sort == "secmark":
        yield quoted(found.get("context", ""))
    elif sort == "synproxy":
        yield statement_text({"synproxy": found}).removeprefix("synproxy ")
    else:
        yield from _tracked(sort, found)


def _tracked(sort: str, found: dict[str, Any]) -> Iterator[str]:
    protocol = _word(found.get("protocol"))
    if sort == "ct helper":
        yield f"type {quoted(found.get('type', ''))} protocol {protocol}"
    else:
        yield f"protocol {protocol}"
    yield f"l3proto {_word(found.get('l3proto', 'inet'))}"
    if sort == "ct timeout" and isinstance(found.get("policy"), dict):
        states = ", ".join(f"{_word(state)} : {_word(seconds)}" for state, seconds in found["policy"].items())
        yield f"policy = {{ {states} }}"
    if sort == "ct expectation":
        yield f"dport {_word(found.get('dport'))}"
        yield f"timeout {_word(found.get('timeout'))}ms"
        yield f"size {_word(found.get('size'))}"


def _flags(word: str, found: dict[str, Any]) -> str:
    return f"{word} {','.join(map(_word, listed(found['flags'])))}"


def _word(value: Json) -> str:
    """Return a word as it is, and anything else so that it cannot pass for one."""
    text = str(value) if isinstance(value, str | int) else unmodelled(value)
    return text if all(character.isalnum() or character in "_.-/\\+" for character in text) else quoted(text)
