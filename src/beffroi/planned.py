"""What a city plans, one resource after the other, as policies with a JSON Schema and Pulumi see it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from beffroi.city import City
from beffroi.city.sameness import Same
from beffroi.fieldpath import FieldPath


class Sort(StrEnum):
    """What a planned resource is, in the model's words."""

    TOWN = "town"
    SEGMENT = "segment"
    SERVICE = "service"
    GATEWAY = "gateway"
    HOST = "host"
    STORE = "store"
    FLEET = "fleet"
    FLOW = "flow"
    ACTIVITY = "activity"


@dataclass(frozen=True)
class Planned:
    """One resource: its sort, its name, where the town's files write it, and its properties as plain JSON.

    The properties are the model's fields, with `name`, and for a store its `host`; `derived` are those that no line of
    the resource itself says.
    """

    sort: Sort
    name: str
    path: FieldPath
    properties: dict[str, Any]
    derived: frozenset[str] = frozenset({"name"})


_SECTIONS = {
    Sort.SEGMENT: "segments",
    Sort.SERVICE: "services",
    Sort.GATEWAY: "gateways",
    Sort.HOST: "hosts",
    Sort.FLEET: "fleets",
    Sort.ACTIVITY: "processing",
}


_OF_STORE = frozenset({"name", "host"})


def planned(city: City) -> Iterator[Planned]:
    """Yield every resource of a city, section after section; a host's stores come after the hosts.

    They are kept, and shared by all who ask: nobody may change them.
    """
    yield from _planned(Same(city))


@lru_cache(maxsize=4)
def _planned(same: Same) -> tuple[Planned, ...]:
    return tuple(_resources(same.city))


def _resources(city: City) -> Iterator[Planned]:
    plain = city.model_dump(mode="json", by_alias=True)
    yield Planned(Sort.TOWN, city.town.name, ("town",), plain["town"], frozenset())
    for sort, section in _SECTIONS.items():
        for name, properties in plain[section].items():
            yield Planned(sort, name, (section, name), {**properties, "name": name})
    for host, described in plain["hosts"].items():
        for name, store in described["stores"].items():
            yield Planned(
                Sort.STORE, name, ("hosts", host, "stores", name), {**store, "name": name, "host": host}, _OF_STORE
            )
    for index, flow in enumerate(plain["flows"]):
        yield Planned(Sort.FLOW, flow["name"], ("flows", index), flow, frozenset())
