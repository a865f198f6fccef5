"""From a wish to the entries that the town's files would gain. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from beffroi.city import INTERNET, City
from beffroi.fieldpath import FieldPath
from beffroi.messages import say

from .questions import Asked, known_service, questions
from .wish import ActivityWish, HalfText, Wish

_LONGEST_NAME = 63


@dataclass(frozen=True)
class Addition:
    """One entry that a collection of the town's files gains: under `key` in a mapping, at the end of a list."""

    path: FieldPath
    key: str | None
    value: Any


@dataclass(frozen=True)
class Draft:
    """A proposed change: what it adds, what is still to be answered, and whether its activity is left out meanwhile."""

    flow: str
    service: str
    additions: tuple[Addition, ...]
    questions: tuple[Asked, ...]
    without_activity: bool


def draft(wish: Wish, city: City) -> Draft | None:
    """Return the change that a wish proposes; None while nobody knows from where, to where or over what.

    What is still to be answered is marked as such in the texts, and an activity that is not complete is left out: such
    a draft shows what would open, and is not to be written.
    """
    asked = questions(wish, city)
    if any(each.vital for each in asked):
        return None
    service = known_service(wish, city) or wish.service or (wish.port or "").replace("/", "-")
    lacking = any(each.field.startswith("activity.") or each.field == "processing" for each in asked)
    flow = _name(wish, city)
    additions = [
        *(Addition(("fleets",), name, _plain(fleet)) for name, fleet in wish.new_fleets.items()),
        *_services(wish, city, service),
        *_offers(wish, city, service),
        *([] if lacking else _activity(wish, city)),
        *(Addition(("flows",), None, each) for each in _flows(wish, flow, service, without_activity=lacking)),
    ]
    return Draft(flow, service, tuple(additions), asked, lacking)


def _name(wish: Wish, city: City) -> str:
    """Return the flow's name: as asked, else after its ends, with a number where that is taken."""
    wanted = wish.name or f"{wish.source[0]}-to-{wish.destination[0]}"[: _LONGEST_NAME - 4].rstrip("-")
    taken = {flow.name for flow in city.flows}
    if wish.name or wanted not in taken:
        return wanted
    return next(name for number in range(2, len(taken) + 3) if (name := f"{wanted}-{number}") not in taken)


def _services(wish: Wish, city: City, service: str) -> Iterator[Addition]:
    if service in city.services:
        return
    if wish.new_service:
        yield Addition(("services",), service, _plain(wish.new_service))
        return
    protocol, _, ports = (wish.port or "").partition("/")
    value: dict[str, Any] = {"protocol": protocol}
    value |= {"ports": [int(ports) if ports.isdigit() else ports]} if ports else {}
    yield Addition(("services",), service, {**value, "encrypted": bool(wish.encrypted)})


def _offers(wish: Wish, city: City, service: str) -> Iterator[Addition]:
    """Yield what makes each destination offer the service; segments and the internet offer what stands there."""
    sections: dict[str, Mapping[str, Any]] = {"hosts": city.hosts, "gateways": city.gateways, "fleets": city.fleets}
    for name in wish.destination:
        for section, entries in sections.items():
            entry = entries.get(name)
            if name == INTERNET or entry is None or service in entry.services:
                continue
            yield Addition((section, name, "services"), None, service)


def _activity(wish: Wish, city: City) -> Iterator[Addition]:
    if wish.personal_data is False or wish.processing is None or wish.processing in city.processing:
        return
    activity = wish.activity or ActivityWish()
    for name, store in activity.new_stores.items():
        yield Addition(("hosts", store.host, "stores"), name, _plain(store, without="host"))
    yield Addition(("processing",), wish.processing, _entry(wish, activity))


def _entry(wish: Wish, activity: ActivityWish) -> dict[str, Any]:
    written = activity.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    stores = [*written.pop("stores", ()), *written.pop("new_stores", ())]
    kept = {name: value for name, value in written.items() if value not in ({}, None)}
    order = ("label", "purpose", "legal_basis", "legal_reference")
    first: dict[str, Any] = {name: kept.pop(name) for name in order if name in kept}
    last: dict[str, Any] = {
        name: kept.pop(name) for name in ("retention", "security_measures", "impact_assessment") if name in kept
    }
    responsible = kept.pop("responsible", wish.asked_by)
    return {**first, "responsible": responsible, **kept, "stores": stores, **last}


def _flows(wish: Wish, name: str, service: str, *, without_activity: bool) -> Iterator[dict[str, Any]]:
    """Yield the flow that is asked for, then those that it takes besides."""
    last: dict[str, Any] = {}
    if wish.processing and wish.personal_data is not False and not without_activity:
        last["processing"] = wish.processing
    if wish.until:
        last["until"] = wish.until.isoformat()
    ends = {"from": _one_or_many(wish.source), "to": _one_or_many(wish.destination)}
    yield {"name": name, **ends, "service": service, "purpose": _text(wish.purpose), **last}
    for each in wish.then:
        ends = {"from": _one_or_many(each.source), "to": _one_or_many(each.destination)}
        yield {"name": each.name, **ends, "service": each.service, "purpose": each.purpose.model_dump(), **last}


def _text(text: HalfText) -> dict[str, str]:
    """Return a text, what is missing marked as such in its own language."""
    return {
        language: getattr(text, language) or say("request-to-complete", language=language) for language in ("fr", "en")
    }


def _one_or_many(names: tuple[str, ...]) -> str | list[str]:
    return names[0] if len(names) == 1 else list(names)


def _plain(value: Any, without: str = "") -> dict[str, Any]:  # noqa: ANN401 - any part of the model
    written = value.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return {name: field for name, field in written.items() if name != without}
