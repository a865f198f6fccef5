"""Where everything stands on the map of the town: the same town always gives the same map. Pure geometry, in pixels.

The internet lies on top. Those who use stand on the left (devices, public, users), what serves stands on the right, the
gateways between them, so that most arrows cross the gateways that filter them.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from beffroi.city import City, Segment, Zone

WIDTH = 1240
COLUMN = 410
MARGIN = 10
PADDING = 12
ZONE_TITLE = 26
SEGMENT_TITLE = 46
CHIP_HEIGHT = 28
CHIP_STEP = 33
GAP = 14
INTERNET_HEIGHT = 54
GATEWAY = (176, 58)
SHOWN_IN_SEGMENT = 24
"""Machines and fleets drawn in one segment; the others are counted in words."""

LEFT = (Zone.USERS, Zone.PUBLIC, Zone.DEVICES, Zone.SENSITIVE)
RIGHT = (Zone.EXPOSED, Zone.TRANSIT, Zone.ADMINISTRATION, Zone.SERVERS, Zone.BACKUP)


@dataclass(frozen=True)
class Box:
    """A rectangle: its top left corner, width and height."""

    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        """Return the height of its centre."""
        return self.y + self.height / 2

    @property
    def on_left(self) -> bool:
        """Tell whether it stands on the map's left half."""
        return self.x + self.width / 2 < WIDTH / 2


@dataclass
class Layout:
    """Boxes by name. `chips` are (segment, name) since a machine stands on each of its segments."""

    zones: dict[Zone, Box] = field(default_factory=dict)
    segments: dict[str, Box] = field(default_factory=dict)
    chips: dict[tuple[str, str], Box] = field(default_factory=dict)
    hidden: dict[str, tuple[str, ...]] = field(default_factory=dict)
    gateways: dict[str, Box] = field(default_factory=dict)
    height: float = 0.0


def lay_out(city: City) -> Layout:
    """Return where each zone, segment, machine, fleet and gateway of `city` stands."""
    layout = Layout()
    top = float(MARGIN)
    for name in _segments_of(city, Zone.INTERNET):
        layout.segments[name] = Box(MARGIN, top, WIDTH - 2 * MARGIN, INTERNET_HEIGHT)
        top += INTERNET_HEIGHT + GAP
    top += GAP
    left = _stack(city, LEFT, MARGIN, top, layout)
    right = _stack(city, RIGHT, WIDTH - MARGIN - COLUMN, top, layout)
    lowest = _place_gateways(city, layout, top)
    layout.height = max(left, right, lowest) + MARGIN
    return layout


def residents(city: City, segment: str) -> list[str]:
    """Return the hosts, then the fleets, that stand on `segment`."""
    hosts = [name for name, host in city.hosts.items() if segment in host.interfaces]
    return hosts + [name for name, fleet in city.fleets.items() if fleet.segment == segment]


def _segments_of(city: City, zone: Zone) -> dict[str, Segment]:
    return {name: segment for name, segment in city.segments.items() if segment.zone is zone}


def _stack(city: City, zones: tuple[Zone, ...], x: float, y: float, layout: Layout) -> float:
    for zone in zones:
        segments = _segments_of(city, zone)
        if not segments:
            continue
        top, y = y, y + ZONE_TITLE
        for name in segments:
            y = _place_segment(city, name, x + PADDING, y, layout) + PADDING
        layout.zones[zone] = Box(x, top, COLUMN, y - top)
        y += GAP
    return y - GAP


def _place_segment(city: City, name: str, x: float, y: float, layout: Layout) -> float:
    width = COLUMN - 2 * PADDING
    people = residents(city, name)
    shown, layout.hidden[name] = people[:SHOWN_IN_SEGMENT], tuple(people[SHOWN_IN_SEGMENT:])
    below = y + SEGMENT_TITLE
    for resident in shown:
        layout.chips[name, resident] = Box(x + 8, below, width - 16, CHIP_HEIGHT)
        below += CHIP_STEP
    below += 18 if layout.hidden[name] else 0
    below += 4 if people else 0
    layout.segments[name] = Box(x, y, width, below - y)
    return below


def _place_gateways(city: City, layout: Layout, top: float) -> float:
    width, height = GATEWAY
    wishes = {}
    for name, gateway in city.gateways.items():
        middles = [layout.segments[segment].middle for segment in gateway.interfaces if segment in layout.segments]
        wishes[name] = sum(middles) / len(middles) if middles else top
    lowest = top
    for name in sorted(wishes, key=lambda each: (wishes[each], each)):
        y = max(lowest, wishes[name] - height / 2)
        layout.gateways[name] = Box((WIDTH - width) / 2, y, width, height)
        lowest = y + height + 2 * GAP
    return lowest
