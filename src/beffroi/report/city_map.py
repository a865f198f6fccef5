"""The map of the town as inline SVG, in both languages: zones, segments, machines, fleets, gateways and flows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from markupsafe import Markup

from beffroi.city import City, Flow, Text
from beffroi.messages import LANGUAGES
from beffroi.verdict import Outcome

from .bilingual import both, told
from .layout import CHIP_HEIGHT, GATEWAY, WIDTH, Box, Layout, lay_out
from .model import SYMBOLS
from .visible import shorten

_CHIP_NAME = 26
_CHIP_LINE = 52
_SEGMENT_LINE = 46
_SPREAD = 4.0
_MANY = 5


@dataclass
class Arrows:
    """Counts the arrows that meet at each box, so that they spread along its side instead of hiding one another."""

    met: Counter[tuple[float, float]] = field(default_factory=Counter)

    def anchor(self, box: Box) -> float:
        """Return the height at which the next arrow meets `box`: its middle first, then above and below in turn."""
        rank = self.met[box.x, box.y]
        self.met[box.x, box.y] += 1
        room = box.height / 2 - 5
        step = _SPREAD * ((rank + 1) // 2) * (-1 if rank % 2 else 1)
        return box.middle + max(-room, min(room, step))


def draw(city: City, outcomes: Mapping[str, Outcome]) -> Markup:
    """Return the map as an `<svg>` element; `outcomes` gives each machine's gravest outcome, shown as a sign."""
    layout = lay_out(city)
    parts = [
        *(_zone(zone, box) for zone, box in layout.zones.items()),
        *(_wire(layout.segments[segment], box) for segment, box in _attachments(city, layout)),
        *(_segment(city, name, layout) for name in layout.segments),
        *_flows(city, layout),
        *(_gateway(name, city.gateways[name].label, box, outcomes) for name, box in layout.gateways.items()),
        *(_chip(city, key, box, outcomes) for key, box in layout.chips.items()),
    ]
    return Markup(
        '<svg id="city-map" class="map" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="group" '
        'aria-labelledby="map-label">{markers}{parts}</svg>'
    ).format(width=WIDTH, height=_px(layout.height), markers=_markers(), parts=Markup("\n").join(parts))


def _short(text: Text, length: int) -> Markup:
    """Return the text in both languages, shortened, as SVG's own spans."""
    texts = {language: Markup("{}").format(shorten(text.of(language), length)) for language in LANGUAGES}
    return in_svg(both(texts))


def in_svg(markup: Markup) -> Markup:
    """Return bilingual markup with the element that SVG knows instead of HTML's."""
    return Markup(str(markup).replace("<span", "<tspan").replace("</span>", "</tspan>"))  # noqa: S704 - was markup already


def _px(number: float) -> str:
    return f"{number:.1f}".rstrip("0").rstrip(".")


def _rectangle(box: Box, radius: int, css: str) -> Markup:
    return Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}" rx="{}"/>').format(
        css, _px(box.x), _px(box.y), _px(box.width), _px(box.height), radius
    )


def _text(x: float, y: float, css: str, content: Markup | str, anchor: str = "start") -> Markup:
    return Markup('<text class="{}" x="{}" y="{}" text-anchor="{}">{}</text>').format(
        css, _px(x), _px(y), anchor, content
    )


def _markers() -> Markup:
    return Markup(
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path class="tip" d="M0 0.5 8 4 0 7.5z"/></marker></defs>'
    )


def _zone(zone: str, box: Box) -> Markup:
    title = in_svg(told(f"report-zone-{zone}"))
    return _rectangle(box, 10, f"zone z-{zone}") + _text(box.x + 12, box.y + 17, "zone-title", title)


def _segment(city: City, name: str, layout: Layout) -> Markup:
    segment, box = city.segments[name], layout.segments[name]
    lines = [
        _rectangle(box, 6, "segment"),
        _text(box.x + 10, box.y + 18, "segment-title", _short(segment.label, _SEGMENT_LINE)),
        _text(
            box.x + 10,
            box.y + 34,
            "address",
            f"{name} · VLAN {segment.vlan} · {segment.ipv4} · {segment.ipv6}",
        ),
    ]
    if layout.hidden.get(name):
        more = in_svg(told("report-map-hidden", count=len(layout.hidden[name])))
        lines.append(_text(box.x + 18, box.y + box.height - 9, "more", more))
    return Markup('<g class="node" data-node="{}">{}</g>').format(name, Markup("").join(lines))


def _chip(city: City, key: tuple[str, str], box: Box, outcomes: Mapping[str, Outcome]) -> Markup:
    name = key[1]
    fleet = city.fleets.get(name)
    label = fleet.label if fleet else city.hosts[name].label
    shown = shorten(name, _CHIP_NAME)
    start = box.x + 26
    room = max(8, _CHIP_LINE - int(len(shown) * 1.25))
    lines = [
        _rectangle(box, 4, "chip fleet" if fleet else "chip"),
        _text(start, box.y + 18, "chip-name", shown),
        _text(box.x + box.width - 8, box.y + 18, "chip-label", _short(label, room), "end"),
        _sign(box.x + 14, box.y + 18.5, "◌" if fleet else "", None if fleet else outcomes.get(name)),
    ]
    return _node(name, lines)


def _gateway(name: str, label: Text, box: Box, outcomes: Mapping[str, Outcome]) -> Markup:
    middle = box.x + box.width / 2
    lines = [
        _rectangle(box, 8, "chip gateway"),
        _text(middle, box.y + 25, "chip-name", shorten(name, _CHIP_NAME - 6), "middle"),
        _text(middle, box.y + 43, "chip-label", _short(label, _CHIP_NAME), "middle"),
        _sign(box.x + 15, box.y + 21, "", outcomes.get(name)),
    ]
    return _node(name, lines)


def _node(name: str, lines: list[Markup]) -> Markup:
    return Markup(
        '<g class="node" data-node="{0}" tabindex="0" role="img" aria-labelledby="machine-{0}">{1}</g>'
    ).format(name, Markup("").join(lines))


def _sign(x: float, y: float, symbol: str, outcome: Outcome | None) -> Markup:
    css = f"sign o-{outcome}" if outcome else "sign"
    return _text(x, y, css, SYMBOLS[outcome] if outcome else symbol, "middle")


def _attachments(city: City, layout: Layout) -> list[tuple[str, Box]]:
    return [
        (segment, layout.gateways[name])
        for name, gateway in city.gateways.items()
        for segment in gateway.interfaces
        if segment in layout.segments
    ]


def _wire(segment: Box, gateway: Box) -> Markup:
    middle = gateway.x + gateway.width / 2
    if segment.width > WIDTH / 2:
        path = f"M{_px(middle)} {_px(segment.y + segment.height)}V{_px(gateway.y)}"
    else:
        start = segment.x + segment.width if segment.on_left else segment.x
        end = gateway.x if segment.on_left else gateway.x + gateway.width
        path = _curve((start, segment.y + 22), (end, gateway.middle), 0.5)
    return Markup('<path class="wire" d="{}"/>').format(path)


def _curve(start: tuple[float, float], end: tuple[float, float], pull: float) -> str:
    reach = (end[0] - start[0]) * pull
    points = (start[0] + reach, start[1], end[0] - reach, end[1], *end)
    return f"M{_px(start[0])} {_px(start[1])}C" + " ".join(map(_px, points))


def _flows(city: City, layout: Layout) -> list[Markup]:
    arrows = Arrows()
    return [_flow(city, number, flow, layout, arrows) for number, flow in enumerate(city.flows)]


def _flow(city: City, number: int, flow: Flow, layout: Layout, arrows: Arrows) -> Markup:
    pairs: dict[tuple[Box, Box], dict[str, None]] = {}
    for source in flow.source:
        for destination in flow.destination:
            start, end = _box(city, source, layout), _box(city, destination, layout)
            if start and end and start != end:
                pairs.setdefault((start, end), {}).update({source: None, destination: None})
    paths = Markup("").join(
        Markup('<path class="reach" d="{0}"/><path class="arrow" data-ends="{1}" d="{0}"/>').format(
            _arrow(start, end, arrows), " ".join(ends)
        )
        for (start, end), ends in pairs.items()
    )
    css = "flow" + ("" if _encrypted(city, flow) else " clear") + (" many" if len(pairs) > _MANY else "")
    return Markup('<g class="{}" data-flow="{}" tabindex="0" role="img" aria-labelledby="flow-{}">{}</g>').format(
        css, number, number, paths
    )


def _encrypted(city: City, flow: Flow) -> bool:
    service = city.services.get(flow.service)
    return bool(service and service.encrypted)


def _box(city: City, name: str, layout: Layout) -> Box | None:
    """Return where an endpoint of a flow stands: a machine that is not drawn is met at its segment's title."""
    if name in layout.segments:
        return _title_of(layout.segments[name])
    if name in layout.gateways:
        return layout.gateways[name]
    fleet = city.fleets.get(name)
    segments = (fleet.segment,) if fleet else tuple(city.hosts[name].interfaces) if name in city.hosts else ()
    drawn = [layout.chips[segment, name] for segment in segments if (segment, name) in layout.chips]
    titles = [_title_of(layout.segments[segment]) for segment in segments if segment in layout.segments]
    return next(iter(drawn + titles), None)


def _title_of(box: Box) -> Box:
    return box if box.width > WIDTH / 2 else Box(box.x, box.y + 4, box.width, CHIP_HEIGHT + 8)


def _arrow(start: Box, end: Box, arrows: Arrows) -> str:
    if start.width > WIDTH / 2 or end.width > WIDTH / 2:
        return _to_or_from_internet(start, end, arrows)
    facing_right = end.x + end.width / 2 > start.x + start.width / 2
    same_column = abs(end.x - start.x) < GATEWAY[0]
    first = (start.x + start.width if facing_right else start.x, arrows.anchor(start))
    last = (end.x if facing_right else end.x + end.width, arrows.anchor(end))
    if not same_column:
        return _curve(first, last, 0.5)
    inner = start.x + start.width if start.on_left else start.x
    bow = inner + (1 if start.on_left else -1) * min(170.0, 36 + abs(last[1] - first[1]) * 0.45)
    arrival = end.x + end.width if start.on_left else end.x
    points = (bow, first[1], bow, last[1], arrival, last[1])
    return f"M{_px(inner)} {_px(first[1])}C" + " ".join(map(_px, points))


def _to_or_from_internet(start: Box, end: Box, arrows: Arrows) -> str:
    internet, other = (start, end) if start.width > WIDTH / 2 else (end, start)
    side = -1 if other.on_left else 1
    offset = 104 + arrows.anchor(internet) - internet.middle
    top = (WIDTH / 2 + side * offset, internet.y + internet.height)
    bottom = (other.x + other.width if other.on_left else other.x, arrows.anchor(other))
    middle = (top[0], top[1] + 60, top[0] - side * 10, bottom[1])
    if internet is start:
        return f"M{_px(top[0])} {_px(top[1])}C" + " ".join(map(_px, (*middle, *bottom)))
    back = (middle[2], middle[3], middle[0], middle[1], *top)
    return f"M{_px(bottom[0])} {_px(bottom[1])}C" + " ".join(map(_px, back))
