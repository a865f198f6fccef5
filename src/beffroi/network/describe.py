"""A set of packets in a few words: from which addresses, to which, over which services. Pure.

Nothing is rounded, though long lists are cut and what is left out is counted. The notation is that of nft and tcpdump,
in any language.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address

from .classes import AddressClasses
from .firewall import LAST_ADDRESS, Family
from .intervals import Intervals, normal
from .packets import PacketSet
from .services import ALL_FLAGS, ICMP, ICMPV6, NUMBERS, PORTED, TCP, Box

_PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 33: "dccp", 47: "gre", 58: "icmpv6", 132: "sctp", 136: "udplite"}
_SHOWN = 4


def described(packets: PacketSet) -> list[str]:
    """Return one line a product of addresses and services: `10.0.1.0/24 -> 10.0.2.10 tcp/443`, largest first."""
    space = packets.space
    by_source: dict[tuple[int, int], set[int]] = {}
    for source, destination, bits in packets.rows():
        by_source.setdefault((source, bits), set()).add(destination)
    together: dict[tuple[frozenset[int], int], set[int]] = {}
    for (source, bits), destinations in by_source.items():
        together.setdefault((frozenset(destinations), bits), set()).add(source)
    lines = []
    for (reached, bits), sources in together.items():
        ends = (_ends(space.sources, sources, space.family), _ends(space.destinations, reached, space.family))
        cells = [cell for number, cells in enumerate(space.services.cells) if bits >> number & 1 for cell in cells]
        lines.append((-len(sources) * len(reached), f"{ends[0]} -> {ends[1]} {services(cells)}"))
    return [line for _, line in sorted(lines)]


def services(cells: Iterable[Box]) -> str:
    """Return boxes of services as words: `tcp/443, udp/53`, `any service`."""
    numbers: dict[int, list[Box]] = {}
    plain: list[tuple[int, int]] = []
    for cell in cells:
        low, high = cell.protocols[0]
        if low == high and low in {*PORTED, ICMP, ICMPV6}:
            numbers.setdefault(low, []).append(cell)
        else:
            plain.append((low, high))
    words = [_numbered(protocol, boxes) for protocol, boxes in sorted(numbers.items())]
    whole = {(each, _whole(boxes)) for each, boxes in numbers.items()}
    protocols = normal([*plain, *((each, each) for each, all_of_it in whole if all_of_it)])
    if protocols == ((0, 255),):
        return "any service"
    words += [f"protocol {_span(*each)}" for each in normal(plain)]
    return ", ".join(words)


def _numbered(protocol: int, boxes: Sequence[Box]) -> str:
    name = _PROTOCOLS[protocol]
    if _whole(boxes):
        return name
    if protocol in {ICMP, ICMPV6}:
        return f"{name} type {_spans(normal(each for box in boxes for each in box.first))}"
    ports = normal(each for box in boxes for each in box.second)
    words = f"{name}/{_spans(ports)}" if ports != NUMBERS else name
    sources = normal(each for box in boxes for each in box.first)
    words += f" from port {_spans(sources)}" if sources != NUMBERS else ""
    flags = 0
    for box in boxes:
        flags |= box.flags
    return words + (" (some flags)" if protocol == TCP and flags != ALL_FLAGS else "")


def _whole(boxes: Sequence[Box]) -> bool:
    first = normal(each for box in boxes for each in box.first)
    second = normal(each for box in boxes for each in box.second)
    # Cells do not overlap: they are everything when their sizes add up.
    size = sum(_count(box.first) * _count(box.second) * box.flags.bit_count() for box in boxes)
    return first == second == NUMBERS and size == _count(NUMBERS) ** 2 * ALL_FLAGS.bit_count()


def _count(numbers: Intervals) -> int:
    return sum(high - low + 1 for low, high in numbers)


def _ends(classes: AddressClasses, wanted: Iterable[int], family: Family) -> str:
    ranges = normal(classes.ranges(set(wanted)))
    if ranges == ((0, LAST_ADDRESS[family]),):
        return "any"
    words = [word for low, high in ranges for word in _networks(low, high, family)]
    return ", ".join(words[:_SHOWN]) + (f" and {len(words) - _SHOWN} more" if len(words) > _SHOWN else "")


def _networks(low: int, high: int, family: Family) -> Iterator[str]:
    """Yield a range as a network where it is one, else as first and last address."""
    first, last = (_address(number, family) for number in (low, high))
    size = high - low + 1
    if low == high:
        yield first
    elif size & (size - 1) == 0 and low % size == 0:
        yield f"{first}/{LAST_ADDRESS[family].bit_length() - size.bit_length() + 1}"
    else:
        yield f"{first}-{last}"


def _address(number: int, family: Family) -> str:
    return str(IPv4Address(number) if family == 4 else IPv6Address(number))  # noqa: PLR2004 - a family's number


def _spans(numbers: Intervals) -> str:
    words = [_span(*each) for each in numbers]
    return ",".join(words[:_SHOWN]) + (f" and {len(words) - _SHOWN} more" if len(words) > _SHOWN else "")


def _span(low: int, high: int) -> str:
    return str(low) if low == high else f"{low}-{high}"
