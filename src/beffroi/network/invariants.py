"""Invariants: packets that must never get through, whatever the flows say. Proved for all packets, or refuted. Pure.

An invariant is data: from which places, to which places, over which services no packet may arrive. It is judged on what
firewalls do, committed or running, so that a rule added by hand breaks it as surely as a flow declared by mistake.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from beffroi.city import INTERNET, City, Zone
from beffroi.city.words import Flag, Name

from .crossing import Crossing
from .firewall import LAST_ADDRESS, Family, Match
from .intervals import Intervals, complement, union
from .packets import PacketSet, box, nothing
from .proof import FamilyProof, Proof
from .reach import Arrival
from .rewriting import pulled
from .services import ECHO_REQUESTS, NUMBERS, TCP, UDP, Box, Services, only
from .town import FAMILIES, intervals_of

Written = Annotated[str, StringConstraints(pattern=r"^((tcp|udp)/[0-9]{1,5}(-[0-9]{1,5})?|icmp)$")]
"""A service as people write it: `tcp/22`, `udp/5000-5010`, or `icmp` for echo requests."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Places(_Frozen):
    """Some places of the town; all that is named counts together, and nothing named means everywhere.

    `zones` means the segments of these zones and the hosts on them, `names` segments, machines, fleets or `internet`,
    `roles` the machines that play them, `fleets` every device that is not managed, `stores` every host that keeps data.
    """

    zones: tuple[Zone, ...] = ()
    names: tuple[Name, ...] = ()
    roles: tuple[Name, ...] = ()
    fleets: Flag = False
    stores: Flag = False

    @property
    def everywhere(self) -> bool:
        """Tell whether nothing is named."""
        return self == Places()


class Invariant(_Frozen):
    """No packet from `sources` arrives at `destinations`, over `services` (any, when none is given).

    What the other fields name is excepted: services `besides`, packets from `except_sources` (by their addresses, which
    nothing authenticates on a link), and arrivals at `except_destinations`.
    """

    sources: Places = Places()
    destinations: Places = Places()
    services: Annotated[tuple[Written, ...], Field(description="tcp/22, udp/5000-5010, icmp")] = ()
    besides: tuple[Written, ...] = ()
    except_sources: tuple[Name, ...] = ()
    except_roles: tuple[Name, ...] = ()
    except_destinations: tuple[Name, ...] = ()


@dataclass(frozen=True)
class Refutation:
    """Packets that get through against an invariant: all of them, by one path. `doubtful` ones only perhaps do."""

    family: Family
    start: str
    end: str
    packets: PacketSet
    doubtful: bool
    crossings: tuple[Crossing, ...]


def refutations(proof: Proof, invariant: Invariant) -> list[Refutation]:
    """Return what breaks an invariant; nothing means that it is proved, for all packets of both families.

    The proof's spaces must have been cut by `matches(city, invariant)`.
    """
    return [
        found
        for family in FAMILIES
        for found in _Trial(proof.town.city, proof.families[family], invariant).refutations()
    ]


def matches(city: City, invariant: Invariant) -> Iterator[Match]:
    """Yield the constraints that an invariant puts on packets."""
    for family in FAMILIES:
        families = frozenset({family})
        trial = _Selection(city, family)
        for addresses in trial.constraints(invariant):
            yield Match(families=families, source=addresses)
            yield Match(families=families, destination=addresses)
    for written in (invariant.services, invariant.besides):
        if written:
            yield Match(services=services_written(written))


def services_written(written: Iterable[str]) -> Services:
    """Return the services that people wrote as `tcp/22`, `udp/5000-5010` or `icmp`."""
    boxes = []
    for each in written:
        protocol, _, ports = each.partition("/")
        if protocol == "icmp":
            boxes += [Box(only([number]), only([echo])) for number, echo in ECHO_REQUESTS.items()]
            continue
        first, _, last = ports.partition("-")
        boxes.append(Box(only([TCP if protocol == "tcp" else UDP]), NUMBERS, ((int(first), int(last or first)),)))
    return Services(tuple(boxes))


@dataclass(frozen=True)
class _Selection:
    """What places mean in one family: names of places, and addresses where only a part of a place is meant."""

    city: City
    family: Family

    def places(self, places: Places) -> dict[str, Intervals | None]:
        """Return the places meant: by segment or machine, the addresses that count there, None for all."""
        city = self.city
        wanted: dict[str, Intervals | None] = {}
        for name, segment in city.segments.items():
            if segment.zone in places.zones or name in places.names:
                hosts = (host for host in city.members(name) if host in city.hosts)
                wanted.update(dict.fromkeys([name, *hosts]))
        named = set(places.names) | {name for role in places.roles for name in city.hosts_with_role(role)}
        named |= {name for name, host in city.hosts.items() if host.stores and places.stores}
        wanted.update(dict.fromkeys(name for name in city.machines() if name in named))
        if INTERNET in places.names or Zone.INTERNET in places.zones:
            wanted[INTERNET] = None
        for name, fleet in city.fleets.items():
            if (places.fleets or name in places.names) and wanted.get(fleet.segment, ()) is not None:
                own = intervals_of([fleet.ipv4 if self.family == 4 else fleet.ipv6])  # noqa: PLR2004
                wanted[fleet.segment] = union(wanted.get(fleet.segment) or (), own)
        return wanted

    def addresses(self, names: Iterable[str]) -> Intervals:
        """Return the addresses of segments, machines and fleets."""
        found: Intervals = ()
        for name in names:
            holder = self.city.segments.get(name) or self.city.fleets.get(name)
            if holder:
                found = union(found, intervals_of([holder.ipv4 if self.family == 4 else holder.ipv6]))  # noqa: PLR2004
            elif self.city.manages(name):
                for each in self.city.machine(name).interfaces.values():
                    found = union(found, intervals_of((f"{each.ipv4 if self.family == 4 else each.ipv6}",)))  # noqa: PLR2004
        return found

    def excepted(self, invariant: Invariant) -> Intervals:
        """Return the source addresses that an invariant does not judge."""
        players = (name for role in invariant.except_roles for name in self.city.hosts_with_role(role))
        return self.addresses([*invariant.except_sources, *players])

    def constraints(self, invariant: Invariant) -> Iterator[Intervals]:
        """Yield every set of addresses that an invariant tells apart."""
        for places in (invariant.sources, invariant.destinations):
            yield from (addresses for addresses in self.places(places).values() if addresses is not None)
        yield self.addresses(invariant.except_destinations)
        yield complement(self.excepted(invariant), LAST_ADDRESS[self.family])


@dataclass(frozen=True)
class _Trial:
    """One invariant against what arrives, in one family."""

    city: City
    proved: FamilyProof
    invariant: Invariant

    def refutations(self) -> Iterator[Refutation]:
        """Yield what arrives and must not."""
        for arrival in self.proved.reached.arrivals:
            packets = self._judged(arrival)
            sure = packets - arrival.doubtful
            for some, doubtful in ((sure, False), (packets - sure, True)):
                if some:
                    ends = (arrival.start, arrival.end)
                    yield Refutation(self.proved.family, *ends, some, doubtful, arrival.crossings)

    def _judged(self, arrival: Arrival) -> PacketSet:
        space = self.proved.space
        packets = arrival.packets & self._sources.get(arrival.start, self._none)
        if arrival.astray:
            return packets  # they may have become anything, and be anywhere
        if not packets or arrival.end not in self._destinations or arrival.end in self.invariant.except_destinations:
            return self._none
        packets = packets & self._services
        wanted = self._destinations[arrival.end]
        if wanted is not None:
            packets = pulled(packets, arrival.became, box(space, destination=wanted))
        if self._spared is not None:
            packets = packets - pulled(packets, arrival.became, self._spared)
        return packets

    @cached_property
    def _none(self) -> PacketSet:
        return nothing(self.proved.space)

    @cached_property
    def _selection(self) -> _Selection:
        return _Selection(self.city, self.proved.family)

    @cached_property
    def _everywhere(self) -> dict[str, Intervals | None]:
        return dict.fromkeys([*self.city.segments, *self.city.machines()])

    @cached_property
    def _sources(self) -> dict[str, PacketSet]:
        places = self.invariant.sources
        chosen = self._everywhere if places.everywhere else self._selection.places(places)
        judged = complement(self._selection.excepted(self.invariant), LAST_ADDRESS[self.proved.family])
        unspared = box(self.proved.space, source=judged)
        return {
            start: unspared if own is None else unspared & box(self.proved.space, source=own)
            for start, own in chosen.items()
            if start not in self._excepted_machines
        }

    @cached_property
    def _excepted_machines(self) -> set[str]:
        players = {name for role in self.invariant.except_roles for name in self.city.hosts_with_role(role)}
        return {*self.invariant.except_sources, *players}

    @cached_property
    def _destinations(self) -> dict[str, Intervals | None]:
        places = self.invariant.destinations
        return self._everywhere if places.everywhere else self._selection.places(places)

    @cached_property
    def _spared(self) -> PacketSet | None:
        addresses = self._selection.addresses(self.invariant.except_destinations)
        return box(self.proved.space, destination=addresses) if addresses else None

    @cached_property
    def _services(self) -> PacketSet:
        space, invariant = self.proved.space, self.invariant
        judged = services_written(invariant.services) if invariant.services else Services()
        packets = box(space, services=judged)
        return packets - box(space, services=services_written(invariant.besides)) if invariant.besides else packets
