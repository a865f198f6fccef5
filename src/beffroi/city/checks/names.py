"""Every name is declared, and means one thing."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from beffroi.city.model import City
from beffroi.city.net import INTERNET, Zone
from beffroi.fieldpath import FieldPath

from .mistake import Mistake


def mistakes(city: City) -> Iterator[Mistake]:
    """Yield the names that nothing declares, those that mean two things, and misuses of `internet`."""
    yield from _functions(city)
    yield from _segments(city)
    yield from _services(city)
    yield from _endpoints(city)
    yield from _processing(city)
    yield from _one_meaning(city)
    yield from _internet(city)


def _unknown(path: FieldPath, key: str, name: str, declared: Collection[str]) -> Iterator[Mistake]:
    if name not in declared:
        yield Mistake(path, key, {"name": name}, choices=sorted(declared))


def _unknown_in(path: FieldPath, key: str, used: Sequence[str], declared: Collection[str]) -> Iterator[Mistake]:
    for index, name in enumerate(used):
        yield from _unknown((*path, index), key, name, declared)


def _functions(city: City) -> Iterator[Mistake]:
    uses: list[tuple[FieldPath, str]] = [(("town", "data_protection_officer"), city.town.data_protection_officer)]
    uses += [(("hosts", name, "responsible"), host.responsible) for name, host in city.hosts.items()]
    uses += [(("gateways", name, "responsible"), gateway.responsible) for name, gateway in city.gateways.items()]
    uses += [(("fleets", name, "owner"), fleet.owner) for name, fleet in city.fleets.items()]
    uses += [(("processing", name, "responsible"), activity.responsible) for name, activity in city.processing.items()]
    uses += [
        (("segments", name, "responsible"), segment.responsible)
        for name, segment in city.segments.items()
        if segment.responsible is not None
    ]
    for path, function in uses:
        yield from _unknown(path, "unknown-function", function, city.functions)


def _segments(city: City) -> Iterator[Mistake]:
    for section, machines in (("hosts", city.hosts), ("gateways", city.gateways)):
        for name, machine in machines.items():
            for segment in machine.interfaces:
                yield from _unknown((section, name, "interfaces", segment), "unknown-segment", segment, city.segments)
    for name, gateway in city.gateways.items():
        path = ("gateways", name, "masquerade")
        yield from _unknown_in(path, "masquerade-elsewhere", gateway.masquerade, gateway.interfaces)
    for name, fleet in city.fleets.items():
        yield from _unknown(("fleets", name, "segment"), "unknown-segment", fleet.segment, city.segments)


def _services(city: City) -> Iterator[Mistake]:
    for section, offering in (("hosts", city.hosts), ("gateways", city.gateways), ("fleets", city.fleets)):
        for name, machine in offering.items():
            yield from _unknown_in((section, name, "services"), "unknown-service", machine.services, city.services)
    for index, flow in enumerate(city.flows):
        yield from _unknown(("flows", index, "service"), "unknown-service", flow.service, city.services)


def _endpoints(city: City) -> Iterator[Mistake]:
    declared = {INTERNET, *city.segments, *city.hosts, *city.gateways, *city.fleets}
    for index, flow in enumerate(city.flows):
        yield from _unknown_in(("flows", index, "from"), "unknown-endpoint", flow.source, declared)
        yield from _unknown_in(("flows", index, "to"), "unknown-endpoint", flow.destination, declared)


def _processing(city: City) -> Iterator[Mistake]:
    for index, flow in enumerate(city.flows):
        if flow.processing is not None:
            yield from _unknown(("flows", index, "processing"), "unknown-processing", flow.processing, city.processing)


def _one_meaning(city: City) -> Iterator[Mistake]:
    first: dict[str, FieldPath] = {}
    sections: dict[str, Collection[str]] = {
        "segments": city.segments,
        "hosts": city.hosts,
        "gateways": city.gateways,
        "fleets": city.fleets,
    }
    for section, entries in sections.items():
        for name in entries:
            path = (section, name)
            if name == INTERNET and section != "segments":
                yield Mistake(path, "internet-reserved")
            elif first.setdefault(name, path) != path:
                yield Mistake(path, "two-meanings", {"name": name}, other=first[name])


def _internet(city: City) -> Iterator[Mistake]:
    for name, segment in city.segments.items():
        if (name == INTERNET) != (segment.zone is Zone.INTERNET):
            yield Mistake(("segments", name, "zone"), "internet-zone", {"name": name, "zone": segment.zone.value})
    if city.gateways and not any(segment.zone is Zone.INTERNET for segment in city.segments.values()):
        yield Mistake(("segments",), "internet-missing")
    for name, host in city.hosts.items():
        if INTERNET in host.interfaces:
            yield Mistake(("hosts", name, "interfaces", INTERNET), "internet-host")
