"""What somebody may do to one rule of a compiled ruleset: delete it, turn it round, widen it, or let it in first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Objects = list[dict[str, Any]]
Mutation = Callable[[Objects, int], None]


def deleted(objects: Objects, index: int) -> None:
    objects.pop(index)


def turned(objects: Objects, index: int) -> None:
    expressions = objects[index]["rule"]["expr"]
    for expression in expressions:
        for old, new in (("accept", "drop"), ("drop", "accept")):
            if old in expression:
                del expression[old]
                expression[new] = None
                return


def widened(objects: Objects, index: int) -> None:
    """Drop the first condition of the rule."""
    expressions = objects[index]["rule"]["expr"]
    first = next((each for each in expressions if "match" in each), None)
    if first is not None:
        expressions.remove(first)


def first(objects: Objects, index: int) -> None:
    """Let the rule stand before all others of its chain."""
    rule = objects.pop(index)
    chain = rule["rule"]["chain"]
    at = next((at for at, each in enumerate(objects) if each.get("rule", {}).get("chain") == chain), len(objects))
    objects.insert(at, rule)


MUTATIONS: tuple[Mutation, ...] = (deleted, turned, widened, first)
