"""What a proposed change does, as entries to read: flows, controls, the register, machines. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from beffroi.review import Blast, ControlChange, FlowChange, Impact, RegisterChange

from .gate_entry import Entry, Mark, names, place
from .gate_findings import packets
from .inline import Filling, Words, joined, name, prose, told

_FLOW_MARKS = {"opened": Mark.MORE, "closed": Mark.LESS}
_MARKS = {
    "gained": Mark.MORE,
    "added": Mark.MORE,
    "lost": Mark.LESS,
    "removed": Mark.LESS,
    "changed": Mark.OTHER,
}
_GRAVE = {Impact.DESTROYED, Impact.REPLACED}


def together(changes: Iterable[FlowChange]) -> list[tuple[FlowChange, ...]]:
    """Return the changes of who talks to whom, those that one reading tells side by side.

    A flow opens both families, and each link that its packets travel over: to one end, by the same flows.
    """
    groups: dict[object, list[FlowChange]] = {}
    for change in changes:
        groups.setdefault((change.sort, change.doubtful, change.end, change.flows), []).append(change)
    return [tuple(group) for group in groups.values()]


def flow(changes: tuple[FlowChange, ...], language: str) -> Entry:
    """Return packets that get through from now on or no longer, a witness a family, and the lines responsible."""
    one = changes[0]
    families = dict.fromkeys(change.family for change in changes)
    ends: dict[str, Filling] = {
        "starts": names(tuple(dict.fromkeys(change.start for change in changes)), language),
        "end": one.end,
        "families": joined(prose(f"IPv{family}") for family in families),
    }
    key = f"pages-flow-{one.sort}" + ("-perhaps" if one.doubtful else "")
    others = tuple(dict.fromkeys(place for change in changes for place in change.elsewhere))
    also = [told("pages-flow-elsewhere", language, places=names(others, language))] if others else []
    behind = [told("pages-flow-behind", language, flow=name, place=place(spot, language)) for name, spot in one.flows]
    return Entry(
        Mark.DOUBT if one.doubtful else _FLOW_MARKS[one.sort],
        told(key, language, **ends),
        lines=(
            *(behind or [told("pages-flow-undeclared", language)]),
            *(line for family in families for line in _packets(changes, family, language)),
            *also,
        ),
    )


def _packets(changes: tuple[FlowChange, ...], family: int, language: str) -> tuple[Words, ...]:
    """Return what packets of one family fare otherwise, each product once, and one of them."""
    of_family = [change for change in changes if change.family == family]
    products = dict.fromkeys(words for change in of_family for words in change.packets)
    return packets(tuple(products), of_family[0].witness, language)


def control(change: ControlChange, language: str) -> Entry:
    """Return a control that the town gains, loses or holds to otherwise."""
    on = (told("pages-on-machines", language, machines=names(change.machines, language)),) if change.machines else ()
    title = told(f"pages-control-{change.sort}", language, control=change.control)
    return Entry(_MARKS[change.sort], title, spot=change.spot, lines=(*_fields(change.changes, language), *on))


def activity(change: RegisterChange, language: str) -> Entry:
    """Return a processing activity that appears, goes or changes."""
    title = told(f"pages-register-{change.sort}", language, activity=change.activity)
    return Entry(_MARKS[change.sort], title, spot=change.spot, lines=_fields(change.changes, language))


def machine(blast: Blast, language: str) -> Entry:
    """Return what becomes of a machine, why, and the stores that it takes along."""
    lines = []
    if blast.causes:
        lines.append(told("pages-causes", language, causes=names(blast.causes, language)))
    if blast.stores:
        lines.append(told("pages-stores", language, stores=names(blast.stores, language)))
    title = told(f"pages-impact-{blast.impact}", language, machine=blast.machine)
    return Entry(Mark.LESS if blast.impact in _GRAVE else _impact_mark(blast.impact), title, lines=tuple(lines))


def step(words: str) -> Entry:
    """Return one step of the preview, in Pulumi's words."""
    return Entry(Mark.OTHER, name(words))


def _impact_mark(impact: Impact) -> Mark:
    return Mark.MORE if impact == Impact.CREATED else Mark.OTHER


def _fields(changes: tuple[tuple[str, str, str], ...], language: str) -> tuple[Words, ...]:
    return tuple(
        told("pages-field", language, field=field, before=before, after=after) for field, before, after in changes
    )
