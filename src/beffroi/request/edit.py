"""Adds entries to YAML as a person wrote it: every comment, blank line and quote stays as it was. Pure.

The text is only ever inserted into, at places that the parser gives; whoever calls checks with `unlike` that reading
the new text gives the old value and the additions, and nothing else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import yaml

from beffroi.city.loader import Loaded
from beffroi.fieldpath import FieldPath

from .proposal import Addition

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PLAIN = re.compile(
    r"[a-z][a-z0-9]*([/_-][a-z0-9]+)*|/[A-Za-z0-9._/-]+|[0-9]{4}-[0-9]{2}-[0-9]{2}|[1-9][0-9]{0,4} [a-z]+"
    r"|[0-9]{1,3}(\.[0-9]{1,3}){3}(/[0-9]{1,2})?"
)
"""Names, paths, days, lengths of time, IPv4 addresses and networks: what towns write without quotes."""

_WORDS = frozenset(("true", "false", "null", "yes", "no", "on", "off", "y", "n"))


@dataclass(frozen=True)
class Edited:
    """One file: its name in the town's folder, as it was and as it would be."""

    name: str
    before: str
    after: str
    additions: tuple[Addition, ...]


def edited(written: Loaded, files: Mapping[str, str], additions: Iterable[Addition]) -> tuple[Edited, ...]:
    """Return the files that change. `files` are the town's, by name; each addition goes where its like are written.

    `written` is the town with its places as bare file names (`load(folder, shown_as=".")`).
    """
    by_file: dict[str, list[Addition]] = {}
    for addition in additions:
        by_file.setdefault(_home(written, files, addition.path), []).append(addition)
    found = []
    for name, gained in by_file.items():
        text = files[name]
        for addition in gained:
            text = _with(text, addition)
        found.append(Edited(name, files[name], text, tuple(gained)))
    return tuple(found)


def unlike(before: Any, after: Any, additions: Iterable[Addition]) -> bool:  # noqa: ANN401 - values of YAML files
    """Tell whether `after` is anything else than `before` with the additions."""
    wanted = deepcopy(before)
    for addition in additions:
        _add(wanted, addition)
    return bool(wanted != after)


def _add(value: Any, addition: Addition) -> None:  # noqa: ANN401 - as above
    for step in addition.path[:-1]:
        value = value.setdefault(step, {})
    empty: Any = [] if addition.key is None else {}
    collection = value.setdefault(addition.path[-1], empty)
    if addition.key is None:
        collection.append(addition.value)
    else:
        collection[addition.key] = addition.value


def _home(written: Loaded, files: Mapping[str, str], path: FieldPath) -> str:
    """Return the file to add to: that of the last entry of the collection, else of the nearest thing written."""
    inside = [place for known, place in written.places.items() if known[: len(path)] == path and known]
    if not inside:
        inside = [place for known, place in written.places.items() if known == path[:-1] and known]
    flows = [place for known, place in written.places.items() if known[:1] in {("flows",), ("town",)}]
    names = [place.file for place in inside or flows]
    return next((name for name in reversed(names) if name in files), max(files))


def _with(text: str, addition: Addition) -> str:
    """Return the text of a file with one entry more."""
    node: Any = yaml.compose(text, Loader=_LOADER)
    depth = 0
    for step in addition.path:
        inner = _child(node, step)
        if inner is None:
            break
        node, depth = inner, depth + 1
    missing = addition.path[depth:]
    key, value = addition.key, addition.value
    if missing:
        value = [value] if key is None else {key: value}
        for step in reversed(missing[1:]):
            value = {str(step): value}
        key = str(missing[0])
    return _into_flow(text, node, key, value) if node.flow_style else _into_block(text, node, key, value)


def _child(node: Any, step: str | int) -> Any:  # noqa: ANN401 - PyYAML's nodes
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == step), None)
    return None


def _into_flow(text: str, node: Any, key: str | None, value: Any) -> str:  # noqa: ANN401
    """Insert between brackets or braces: after the last entry, or right after the opening one."""
    last = (node.value[-1][1] if isinstance(node, yaml.MappingNode) else node.value[-1]) if node.value else None
    at = _offset(text, last.end_mark) if last is not None else _offset(text, node.start_mark) + 1
    entry = _inline(value) if key is None else f"{_scalar(key)}: {_inline(value)}"
    return text[:at] + (", " if last is not None else "") + entry + text[at:]


def _into_block(text: str, node: Any, key: str | None, value: Any) -> str:  # noqa: ANN401
    """Insert lines after the last line of the last entry, indented as its like are."""
    lines = text.splitlines(keepends=True)
    after = _last_line(node, lines) + 1
    indent = " " * node.start_mark.column
    written = _item(value) if key is None else _entry(key, value)
    ending = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    if after and not lines[after - 1].endswith("\n"):
        lines[after - 1] += ending
    spaced = [ending] if key is not None and node.start_mark.column == 0 else []
    lines[after:after] = [*spaced, *(f"{indent}{line}{ending}" for line in written)]
    return "".join(lines)


def _last_line(node: Any, lines: list[str]) -> int:  # noqa: ANN401
    """Return the last line (from 0) of a node's own text, without the comments and blank lines that follow it."""
    if not isinstance(node, yaml.ScalarNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _last_line(last[1] if isinstance(last, tuple) else last, lines)
    line = int(node.end_mark.line)
    if isinstance(node, yaml.ScalarNode) and node.style in {"|", ">"}:
        line -= 1
        while line > node.start_mark.line and not lines[line].strip():
            line -= 1
    return min(line, len(lines) - 1)


def _offset(text: str, mark: Any) -> int:  # noqa: ANN401
    """Return where a mark stands in a text; lines end with a line feed alone, as the reader has it."""
    start = 0
    for _ in range(mark.line):
        start = text.index("\n", start) + 1
    return start + int(mark.column)


def _entry(key: str, value: Any) -> list[str]:  # noqa: ANN401
    """Return `key: value` as lines: mappings open up, texts in two languages and lists of words stay on one line."""
    if isinstance(value, dict) and value and set(value) != {"fr", "en"}:
        inner = [line for name, each in value.items() for line in _entry(name, each)]
        return [f"{_scalar(key)}:", *(f"  {line}" for line in inner)]
    if isinstance(value, list) and any(isinstance(each, dict) for each in value):
        return [f"{_scalar(key)}:", *(f"  - {_inline(each)}" for each in value)]
    return [f"{_scalar(key)}: {_inline(value)}"]


def _item(value: Any) -> list[str]:  # noqa: ANN401
    """Return an entry of a block list as lines."""
    if not isinstance(value, dict):
        return [f"- {_inline(value)}"]
    lines = [line for name, each in value.items() for line in _entry(name, each)]
    return [f"- {lines[0]}", *(f"  {line}" for line in lines[1:])]


def _inline(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, dict):
        sides = ((key, _text(each) if key in {"fr", "en"} else _inline(each)) for key, each in value.items())
        return "{" + ", ".join(f"{_scalar(key)}: {side}" for key, side in sides) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return _scalar(value)


def _scalar(value: Any) -> str:  # noqa: ANN401
    """Return a scalar: plain where nobody could take it for anything else, between double quotes otherwise."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    text = str(value)
    return text if _PLAIN.fullmatch(text) and text not in _WORDS else _text(text)


def _text(value: Any) -> str:  # noqa: ANN401
    """Return a text for people between double quotes: what JSON escapes, YAML reads alike."""
    return json.dumps(value, ensure_ascii=False)
