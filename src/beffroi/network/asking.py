"""Questions about one packet, as people write them: `sensors -> db:5432`, or `tcp 10.0.0.5 -> 10.0.1.9:443`. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from beffroi.city import INTERNET, City
from beffroi.errors import InvalidInput
from beffroi.fieldpath import visible
from beffroi.messages import say

from .conntrack import Packet
from .declared import declared
from .firewall import Family
from .intervals import Intervals, difference, holds
from .services import ECHO_REQUESTS, ICMP, ICMPV6, TCP, UDP, Point
from .town import FAMILIES, Town

_CLIENT_PORT, _SYN, _LAST_PORT = 50000, 2, 65535
_NAMES = re.compile(
    r"^\s*(?P<source>[a-z][a-z0-9-]*)\s*->\s*(?P<destination>[a-z][a-z0-9-]*)"
    r"(?::(?P<port>\d{1,5}))?\s*(?:/?\s*(?P<protocol>tcp|udp|icmp))?\s*$"
)
_PACKET = re.compile(
    r"^\s*(?P<protocol>tcp|udp|icmp)\s+\[?(?P<source>[0-9a-fA-F.:]+?)\]?(?::(?P<client>\d{1,5}))?"
    r"\s*->\s*\[?(?P<destination>[0-9a-fA-F.:]+?)\]?(?::(?P<port>\d{1,5}))?(?:\s+\[.*\])?\s*$"
)


@dataclass(frozen=True)
class Question:
    """A packet, and the place that it is sent from: a segment or a machine."""

    start: str
    packet: Packet


def between(town: Town, text: str) -> list[Question]:
    """Return one packet a family for `SOURCE -> DESTINATION:PORT`; names are those that flows use.

    `icmp` after the names asks about echo, `udp` about UDP; else it is TCP. Raise InvalidInput when it cannot be read.
    """
    found = _NAMES.match(text)
    if not found:
        raise InvalidInput(say("asking-names", text=visible(text)), hint=say("asking-names-hint"))
    for name in (found["source"], found["destination"]):
        if not _known(town.city, name):
            raise InvalidInput(say("asking-no-place", name=visible(name)), hint=say("asking-no-place-hint"))
    protocol = found["protocol"] or "tcp"
    questions = []
    for family in FAMILIES:
        start, source = _sample(town, family, found["source"])
        _, destination = _sample(town, family, found["destination"])
        service = _service(protocol, family, _CLIENT_PORT, _port(found["port"], text, protocol))
        questions.append(Question(start, Packet(family, source, destination, service)))
    return questions


def packet(town: Town, text: str, start: str | None = None) -> Question:
    """Return the packet that a text such as `tcp 10.0.0.5:50000 -> 10.0.1.9:443` describes.

    Without `start` it is sent from where its source lives. Raise InvalidInput when it cannot be read.
    """
    found = _PACKET.match(text)
    try:
        source, destination = (ip_address(found[side]) for side in ("source", "destination")) if found else (None, None)
    except ValueError:
        source = destination = None
    if found is None or source is None or destination is None or source.version != destination.version:
        raise InvalidInput(say("asking-packet", text=visible(text)), hint=say("asking-packet-hint"))
    family: Family = 4 if source.version == 4 else 6  # noqa: PLR2004 - the families are called by their number
    client = int(found["client"] or _CLIENT_PORT)
    service = _service(found["protocol"], family, client, _port(found["port"], text, found["protocol"]))
    place = start or _home(town, source)
    if place not in town.segments and place not in town.devices:
        raise InvalidInput(say("asking-no-place", name=visible(place)), hint=say("asking-no-place-hint"))
    return Question(place, Packet(family, int(source), int(destination), service))


def flows_of(town: Town, question: Question) -> Iterator[int]:
    """Yield the positions of the flows that declare a packet sent from there."""
    asked, seen = question.packet, set()
    for each in declared(town.city, asked.family):
        match = each.match
        ends = ((match.source, asked.source), (match.destination, asked.destination))
        if each.index in seen or each.start != question.start or not match.services.holds(asked.service):
            continue
        if all(addresses is None or holds(addresses, address) for addresses, address in ends):
            seen.add(each.index)
            yield each.index


def _known(city: City, name: str) -> bool:
    return name == INTERNET or name in city.segments or name in city.fleets or city.manages(name)


def _sample(town: Town, family: Family, name: str) -> tuple[str, int]:
    """Return a place, and an address there that a name stands for: of a segment or fleet, one that no machine holds."""
    city = town.city
    if name in town.devices:
        segment, addresses = next(
            ((each, held) for each, held in town.devices[name].addresses.items() if each != INTERNET),
            next(iter(town.devices[name].addresses.items())),
        )
        del segment
        return name, addresses[family]
    segment = city.fleets[name].segment if name in city.fleets else name
    if name in city.fleets:
        network = city.fleets[name].ipv4 if family == 4 else city.fleets[name].ipv6  # noqa: PLR2004
        wanted: Intervals = ((int(network.network_address), int(network.broadcast_address)),)
    else:
        wanted = town.segments[segment][family]
    for device in town.on(segment):
        wanted = difference(wanted, device.own(family))
    low, high = max(wanted, key=lambda each: each[1] - each[0])
    return segment, low + (high - low) // 2


def _service(protocol: str, family: Family, client: int, port: int) -> Point:
    if protocol == "icmp":
        number = ICMP if family == 4 else ICMPV6  # noqa: PLR2004 - the families are called by their number
        return Point(number, ECHO_REQUESTS[number], 0, 0)
    return Point(TCP, client, port, _SYN) if protocol == "tcp" else Point(UDP, client, port, 0)


def _port(written: str | None, text: str, protocol: str) -> int:
    if protocol == "icmp":
        return 0
    if written is None or not 0 < int(written) <= _LAST_PORT:
        raise InvalidInput(say("asking-no-port", text=visible(text)), hint=say("asking-names-hint"))
    return int(written)


def _home(town: Town, address: IPv4Address | IPv6Address) -> str:
    family: Family = 4 if address.version == 4 else 6  # noqa: PLR2004 - the families are called by their number
    for device in town.devices.values():
        if holds(device.own(family), int(address)):
            return device.name
    homes = (name for name, held in town.segments.items() if holds(held[family], int(address)))
    return next(homes, INTERNET)
