"""What a proposed change does, as entries to read: flows, controls, the register, machines. Pure."""

from __future__ import annotations

from beffroi.review import Blast, ControlChange, FlowChange, Impact, RegisterChange

from .gate_entry import Entry, Mark, names, place
from .gate_findings import packets
from .inline import Filling, Words, name, prose, told

_FLOW_MARKS = {"opened": Mark.MORE, "closed": Mark.LESS}
_MARKS = {
    "gained": Mark.MORE,
    "added": Mark.MORE,
    "lost": Mark.LESS,
    "removed": Mark.LESS,
    "changed": Mark.OTHER,
}
_GRAVE = {Impact.DESTROYED, Impact.REPLACED}


def flow(change: FlowChange, language: str) -> Entry:
    """Return packets that get through from now on or no longer, a witness, and the lines responsible."""
    ends: dict[str, Filling] = {"start": change.start, "end": change.end, "family": prose(f"IPv{change.family}")}
    key = f"pages-flow-{change.sort}" + ("-perhaps" if change.doubtful else "")
    behind = [
        told("pages-flow-behind", language, flow=flow, place=place(spot, language)) for flow, spot in change.flows
    ]
    return Entry(
        Mark.DOUBT if change.doubtful else _FLOW_MARKS[change.sort],
        told(key, language, **ends),
        spot=change.flows[0][1] if change.flows else None,
        lines=(
            *packets(change.packets, change.witness, language),
            *(behind or [told("pages-flow-undeclared", language)]),
        ),
    )


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
