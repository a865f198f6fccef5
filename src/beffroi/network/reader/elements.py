"""The elements of sets and maps, named or written in a rule. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from beffroi.fieldpath import visible
from beffroi.messages import say

from .refusals import Budget, NotAFirewall, malformed

_CHANGING = frozenset({"dynamic", "timeout"})


@dataclass(frozen=True)
class Element:
    """One element: its value as JSON, its comment, and for a map the data that it leads to."""

    value: object
    comment: str = ""
    leads_to: object = None


@dataclass(frozen=True)
class Elements:
    """A set or a map. What a `changing` one holds now says nothing of what it will hold when a packet comes."""

    members: tuple[Element, ...]
    changing: bool = False


def named(declaration: Mapping[str, object], budget: Budget) -> Elements:
    """Return the elements of a set or map object."""
    listed = declaration.get("elem", [])
    flags = declaration.get("flags", [])
    if not isinstance(listed, list) or not isinstance(flags, list):
        raise malformed(declaration.get("name"))
    budget.spend(len(listed))
    changing = "timeout" in declaration or bool(_CHANGING & {each for each in flags if isinstance(each, str)})
    return Elements(tuple(_element(each) for each in listed), changing)


def referred(written: object, sets: Mapping[str, Elements], budget: Budget) -> Elements | None:
    """Return the elements that a rule's `@name` or `{"set": [...]}` means, None when it is neither."""
    if isinstance(written, str) and written.startswith("@"):
        if written[1:] not in sets:
            raise NotAFirewall(say("reading-no-set", name=visible(written)), hint=say("reading-malformed-hint"))
        return sets[written[1:]]
    if isinstance(written, dict) and len(written) == 1 and "set" in written:
        listed = written["set"]
        members = listed if isinstance(listed, list) else [listed]
        budget.spend(len(members))
        return Elements(tuple(_element(each) for each in members))
    return None


def _element(written: object) -> Element:
    if isinstance(written, list):
        if len(written) != 2:  # noqa: PLR2004 - a pair
            raise malformed(written)
        key = _element(written[0])
        return Element(key.value, key.comment, written[1])
    if isinstance(written, dict) and len(written) == 1 and "elem" in written:
        inner = written["elem"]
        if not isinstance(inner, dict) or "val" not in inner:
            raise malformed(written)
        comment = inner.get("comment", "")
        return Element(inner["val"], comment if isinstance(comment, str) else "")
    return Element(written)
