"""The map of one processing activity as inline SVG, in both languages.

Read from the left: whose data, what collects it, the flows, the stores, how long, the copies. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from beffroi.city import City, Flow, ProcessingActivity, Text
from beffroi.city.roles import BACKUP_ROLE
from beffroi.messages import LANGUAGES
from beffroi.register.contents import plain, spoken_duration
from beffroi.register.model import Entry, KeptStore
from beffroi.register.phrases import filled, spoken

from .activity_path import Course, called, course, origins
from .bilingual import safe
from .visible import one_line, shorten

WIDTH = 1242
COLUMN, BETWEEN = 178, 34
TOP, STEP, LINE, PADDING = 44, 14, 16, 9
_BOLD, _CHARACTERS, _LINES = 21, 23, 5
"""Characters that a line of a box holds, in the widest of the usual fonts; lines of one text."""
SHOWN = 24
"""Boxes drawn in one column; the others are counted in words."""

_HEADS = ("subjects", "sources", "flows", "stores", "retention", "copies")


@dataclass
class _Box:
    """One box of a column: its words, how it is drawn, and where it ends up."""

    words: list[Text]
    css: str = ""
    x: float = 0
    y: float = 0
    height: float = 0
    lines: dict[str, list[tuple[str, bool]]] = field(default_factory=dict)

    def place(self, column: int, y: float) -> float:
        """Put the box into a column at a height; return where the next one goes."""
        self.lines = {each: list(_wrapped(self.words, each)) for each in LANGUAGES}
        self.x, self.y = _left(column), y
        self.height = LINE * max(len(lines) for lines in self.lines.values()) + 2 * PADDING
        return y + self.height + STEP

    @property
    def middle(self) -> float:
        """Return the height of its centre."""
        return self.y + self.height / 2


@dataclass(frozen=True)
class _Columns:
    """The boxes that arrows join: sources and flows by name, stores by host."""

    sources: dict[str, _Box]
    flows: dict[str, _Box]
    stores: dict[str, list[_Box]]


def draw(city: City, entry: Entry) -> Markup:
    """Return the map of an activity as an `<svg>` element."""
    activity = city.processing[entry.name]
    path = course(city, entry.name)
    subjects = [_Box([subject]) for subject in activity.data_subjects[:SHOWN]]
    sources = {name: _source(city, name) for name in path.sources[:SHOWN]}
    flows = {flow.name: _flow(city, flow) for flow in path.flows[:SHOWN]}
    kept = [store for store in entry.stores if not store.copies][:SHOWN]
    rows = [(_store(store), _lasting(activity), _copies(city, entry, activity, store)) for store in kept]
    columns: list[Sequence[_Box]] = [subjects, [*sources.values()] or [_Box([spoken("register-map-no-flow")], "none")]]
    columns.append([*flows.values()] or [_Box([spoken("register-map-no-flow")], "none")])
    height = max([*map(_stack, range(3), columns), _stack_rows(rows)])
    boxes = [box for column in columns for box in column] + [box for row in rows for box in row]
    arrows = [
        *_bus(subjects, [sources[name] for name in path.first if name in sources]),
        *_arrows(city, path, _Columns(sources, flows, _by_host(kept, rows))),
        *(arrow for row in rows for arrow in (_arrow(row[0], row[1]), _arrow(row[1], row[2]))),
    ]
    parts = Markup("\n").join([*_titles(), *arrows, *map(_drawn, boxes)])
    return Markup(
        '<svg class="activity-map" viewBox="0 0 {0} {1}" width="{0}" height="{1}" role="img" '
        'aria-labelledby="map-title" aria-describedby="map-words">{2}{3}</svg>'
    ).format(WIDTH, round(height), _TIP, parts)


_TIP = Markup(
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    '<path class="tip" d="M0 0.5 8 4 0 7.5z"/></marker></defs>'
)


def _left(column: int) -> float:
    return 2 + column * (COLUMN + BETWEEN)


def _stack(column: int, boxes: Iterable[_Box]) -> float:
    y = float(TOP)
    for box in boxes:
        y = box.place(column, y)
    return y


def _stack_rows(rows: Iterable[tuple[_Box, _Box, _Box]]) -> float:
    y = float(TOP)
    for row in rows:
        y = max(box.place(column, y) for column, box in enumerate(row, start=3))
        tallest = max(box.height for box in row)
        for box in row:
            box.height = tallest
    return y


def _source(city: City, name: str) -> _Box:
    fleet = city.fleets.get(name)
    if fleet:
        return _Box([plain(name), fleet.label, filled("register-map-devices", count=str(fleet.count))], "fleet")
    machine = city.machines().get(name)
    label = machine.label if machine else city.segments[name].label if name in city.segments else None
    return _Box([plain(name), label] if label else [plain(name)])


def _flow(city: City, flow: Flow) -> _Box:
    service = city.services[flow.service]
    carried = spoken("register-map-encrypted" if service.encrypted else "register-map-clear")
    ports = ", ".join(service.ports)
    start = f"{', '.join(flow.source)} " if called(city, flow) else ""
    way = plain(f"{start}→ {', '.join(flow.destination)}")
    return _Box(
        [plain(flow.name), way, plain(f"{service.protocol} {ports}".strip()), carried],
        "" if service.encrypted else "alarm",
    )


def _store(store: KeptStore) -> _Box:
    rest = spoken("register-map-sealed" if store.encrypted else "register-map-unsealed")
    return _Box([plain(store.name), store.label, filled("register-map-on", host=plain(store.host)), rest])


def _lasting(activity: ProcessingActivity) -> _Box:
    lasts = spoken_duration(activity.retention.duration)
    return _Box([lasts, filled("register-map-from", starts=activity.retention.starts)])


def _copies(city: City, entry: Entry, activity: ProcessingActivity, store: KeptStore) -> _Box:
    if not store.copied_by:
        return _Box([spoken("register-map-no-copy")], "none")
    kept = [each for each in entry.stores if each.copies and each.host in store.copied_by]
    lines = [plain(name) for name in store.copied_by if BACKUP_ROLE in city.hosts[name].roles]
    if not kept:
        return _Box([*lines, spoken("register-map-copies-undeclared")], "alarm")
    lasts = filled("register-map-copies-kept", duration=spoken_duration(activity.retention.duration))
    return _Box([*lines, *(plain(each.name) for each in kept[:2]), lasts])


def _by_host(kept: Sequence[KeptStore], rows: Sequence[tuple[_Box, _Box, _Box]]) -> dict[str, list[_Box]]:
    found: dict[str, list[_Box]] = {}
    for store, row in zip(kept, rows, strict=True):
        found.setdefault(store.host, []).append(row[0])
    return found


def _arrows(city: City, path: Course, columns: _Columns) -> Iterator[Markup]:
    for flow in path.flows:
        box = columns.flows.get(flow.name)
        if box is None:
            continue
        yield from (_arrow(columns.sources[name], box) for name in origins(city, flow) if name in columns.sources)
        reached = path.reached(city, flow)
        yield from (_arrow(box, each) for host, boxes in columns.stores.items() if host in reached for each in boxes)
        yield from (_relay(box, columns.flows[name]) for name in path.next_of(flow) if name in columns.flows)


def _bus(subjects: Sequence[_Box], sources: Sequence[_Box]) -> Iterator[Markup]:
    """Yield lines from all the subjects to one line, and from there to each first source."""
    if not (subjects and sources):
        return
    x = subjects[0].x + COLUMN + BETWEEN / 2
    heights = [box.middle for box in (*subjects, *sources)]
    yield _line(f"M{x} {min(heights)}V{max(heights)}", "arrow plain")
    for box in subjects:
        yield _line(f"M{box.x + COLUMN} {box.middle}H{x}", "arrow plain")
    for box in sources:
        yield _line(f"M{x} {box.middle}H{box.x}", "arrow")


def _arrow(start: _Box, end: _Box) -> Markup:
    from_, to = start.x + COLUMN, end.x
    bend = (to - from_) / 2
    path = f"M{from_} {start.middle}C{from_ + bend} {start.middle} {to - bend} {end.middle} {to} {end.middle}"
    return _line(path, "arrow")


def _relay(start: _Box, end: _Box) -> Markup:
    """Return the way from a flow to the one that passes on what it brings, along the column's right side."""
    x = start.x + COLUMN
    low, high = start.middle + PADDING, end.middle - PADDING
    path = f"M{x} {low}C{x + BETWEEN * 0.7} {low} {x + BETWEEN * 0.7} {high} {x} {high}"
    return _line(path, "arrow relay")


def _line(path: str, css: str) -> Markup:
    return Markup('<path class="{}" d="{}"/>').format(css, path)


def _titles() -> Iterator[Markup]:
    for column, name in enumerate(_HEADS):
        title = spoken(f"register-map-{name}")
        yield from _text(_left(column), 20, "head", {each: title.of(each) for each in LANGUAGES})


def _drawn(box: _Box) -> Markup:
    parts = [
        Markup('<rect class="box {}" x="{}" y="{}" width="{}" height="{}" rx="5"/>').format(
            box.css, box.x, box.y, COLUMN, box.height
        )
    ]
    for number in range(max(map(len, box.lines.values()))):
        sides = {each: lines[number] for each, lines in box.lines.items() if number < len(lines)}
        css = "name" if any(first for _, first in sides.values()) else "more"
        y = box.y + PADDING + LINE * number + 12
        parts += _text(box.x + PADDING, y, css, {each: text for each, (text, _) in sides.items()})
    return Markup("").join(parts)


def _text(x: float, y: float, css: str, sides: dict[str, str]) -> Iterator[Markup]:
    """Yield one line of text; where the languages differ, one element each, of which the page shows one."""
    if len(sides) == len(LANGUAGES) and len(set(sides.values())) == 1:
        yield Markup('<text class="{}" x="{}" y="{}">{}</text>').format(css, x, y, safe(next(iter(sides.values()))))
        return
    for language, text in sides.items():
        yield Markup('<text class="{}" lang="{}" x="{}" y="{}">{}</text>').format(css, language, x, y, safe(text))


def _wrapped(words: Sequence[Text], language: str) -> Iterator[tuple[str, bool]]:
    """Yield the lines of a box, each with whether it belongs to its first text."""
    for number, text in enumerate(words):
        for line in _folded(one_line(text.of(language)), _CHARACTERS if number else _BOLD):
            yield line, number == 0


def _parts(word: str, width: int) -> Iterator[str]:
    """Yield a word that is longer than a line in parts, cut after a hyphen where it has one."""
    while len(word) > width:
        cut = word.rfind("-", 1, width) + 1 or width
        yield word[:cut]
        word = word[cut:]
    yield word


def _folded(text: str, width: int) -> list[str]:
    """Return a text in short lines; what is longer than a few lines ends in an ellipsis."""
    lines = [""]
    for wanted in (part for word in shorten(text, width * _LINES).split() for part in _parts(word, width)):
        if lines[-1] and len(lines[-1]) + 1 + len(wanted) > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {wanted}".strip()
    return lines if len(lines) <= _LINES else [*lines[: _LINES - 1], f"{lines[_LINES - 1]}…"]
