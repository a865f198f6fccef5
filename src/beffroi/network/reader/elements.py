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
    """One element: its value as JSON, its comment, and for a map the data that it leads to.

    A `conditional` one has statements of its own, such as a limit, or an end: it may match or not.
    """

    value: object
    comment: str = ""
    leads_to: object = None
    conditional: bool = False


@dataclass(frozen=True)
class Elements:
    """A set or a map. What a `changing` one holds now says nothing of what it will hold when a packet comes."""

    members: tuple[Element, ...]
    changing: bool = False


def named(declaration: Mapping[str, object], budget: Budget) -> Elements:
    """Return the elements of a set or map object."""
    listed = declaration.get("elem", [])
    flags = declaration.get("flags", [])
    flags = [flags] if isinstance(flags, str) else flags
    if not isinstance(listed, list) or not isinstance(flags, list):
        raise malformed(declaration.get("name"))
    budget.spend(len(listed))
    changing = (
        "timeout" in declaration
        or bool(_CHANGING & {each for each in flags if isinstance(each, str)})
        or _more_than_counts(declaration.get("stmt", []))
    )
    members = tuple(_element(each) for each in listed)
    return Elements(members, changing or any(each.conditional for each in members))


def changed_by(statements: object) -> set[str]:
    """Return the names of the sets and maps that a rule adds to or takes from, whatever their flags say."""
    found: set[str] = set()
    for statement in statements if isinstance(statements, list) else ():
        for sort in ("set", "map"):
            about = statement.get(sort) if isinstance(statement, dict) else None
            target = about.get(sort) if isinstance(about, dict) else None
            if isinstance(target, str):
                found.add(target.removeprefix("@"))
    return found


def _more_than_counts(statements: object) -> bool:
    """Tell whether the statements that a set runs for each element may keep the element from matching."""
    listed = statements if isinstance(statements, list) else [statements]
    return not all(isinstance(each, dict) and each.keys() <= {"counter"} for each in listed)


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
        found = tuple(_element(each) for each in members)
        return Elements(found, changing=any(each.conditional for each in found))
    return None


def _element(written: object) -> Element:
    if isinstance(written, list):
        if len(written) != 2:  # noqa: PLR2004 - a pair
            raise malformed(written)
        key = _element(written[0])
        return Element(key.value, key.comment, written[1], key.conditional)
    if isinstance(written, dict) and len(written) == 1 and "elem" in written:
        inner = written["elem"]
        if not isinstance(inner, dict) or "val" not in inner:
            raise malformed(written)
        comment = inner.get("comment", "")
        conditional = not inner.keys() <= {"val", "comment", "counter"}
        return Element(inner["val"], comment if isinstance(comment, str) else "", conditional=conditional)
    return Element(written)
