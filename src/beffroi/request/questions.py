"""What a wish must still say before anybody can accept it: one question a field, in the order of an interview. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from beffroi.city import City
from beffroi.city.processing import LegalBasis

from .wish import ActivityWish, HalfText, Wish

_WITH_A_TEXT = (LegalBasis.PUBLIC_TASK, LegalBasis.LEGAL_OBLIGATION)


@dataclass(frozen=True)
class Asked:
    """One question: the field that it fills, as the request's file names it, and the words that may answer it.

    `vital` ones stand in the way of any proposal: without them nobody knows what would be opened.
    """

    field: str
    choices: tuple[str, ...] = ()
    vital: bool = False

    @property
    def key(self) -> str:
        """Return the question's message."""
        return "request-ask-" + self.field.replace(".", "-").replace("_", "-")


def questions(wish: Wish, city: City) -> tuple[Asked, ...]:
    """Return all that is still to be answered."""
    return tuple(_questions(wish, city))


def _questions(wish: Wish, city: City) -> Iterator[Asked]:
    places = tuple(sorted({*city.segments, *city.machines(), *city.fleets, *wish.new_fleets}))
    if not wish.source:
        yield Asked("from", places, vital=True)
    if not wish.destination:
        yield Asked("to", places, vital=True)
    if not (wish.service or wish.port):
        yield Asked("service", tuple(city.services), vital=True)
    yield from _halves("purpose", wish.purpose)
    if wish.asked_by is None or wish.asked_by not in city.functions:
        yield Asked("asked_by", tuple(city.functions))
    yield from _about_service(wish, city)
    yield from _about_activity(wish, city)
    if wish.until is None and not wish.permanent:
        yield Asked("until")


def _about_service(wish: Wish, city: City) -> Iterator[Asked]:
    """Yield whether a service that the town does not know yet protects what it carries."""
    if wish.service in city.services or wish.new_service or not (wish.service or wish.port):
        return
    if wish.port is None:
        yield Asked("port", vital=True)
    elif wish.encrypted is None and known_service(wish, city) is None:
        yield Asked("encrypted", ("yes", "no"))


def known_service(wish: Wish, city: City) -> str | None:
    """Return the service that a wish means: by its name, or by its port, those first that the destination offers."""
    if wish.service:
        return wish.service if wish.service in city.services else None
    if wish.port is None:
        return None
    same = [name for name, each in city.services.items() if written_port(each.protocol, each.ports) == wish.port]
    machines = [city.machines()[name] for name in wish.destination if name in city.machines()]
    offered = [name for name in same if all(name in machine.services for machine in machines)]
    wanted = [name for name in offered or same if wish.encrypted in {None, city.services[name].encrypted}]
    return next(iter(wanted), None)


def written_port(protocol: str, ports: tuple[str, ...]) -> str:
    """Return a service as a wish writes it: `tcp/8883`."""
    return f"{protocol}/{','.join(ports)}" if ports else protocol


def _about_activity(wish: Wish, city: City) -> Iterator[Asked]:
    if wish.personal_data is False:
        return
    if wish.processing is None:
        yield Asked("processing", (*city.processing, "-"))
    elif wish.processing not in city.processing:
        yield from (Asked(f"activity.{name}", choices) for name, choices in _lacking(wish, city))


def _lacking(wish: Wish, city: City) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the fields of a new activity that are still to be answered."""
    activity = wish.activity or ActivityWish()
    yield from ((each.field, ()) for each in _halves("label", activity.label))
    yield from ((each.field, ()) for each in _halves("purpose", activity.purpose))
    if activity.legal_basis is None:
        yield "legal_basis", tuple(LegalBasis)
    if activity.legal_basis in _WITH_A_TEXT:
        yield from ((each.field, ()) for each in _halves("legal_reference", activity.legal_reference))
    for name in ("data_subjects", "categories", "recipients"):
        if not getattr(activity, name):
            yield name, ()
    if not (activity.stores or activity.new_stores):
        yield "stores", tuple(name for _, name, _ in city.stores())
    if activity.retention.duration is None:
        yield "retention.duration", ()
    yield from ((each.field, ()) for each in _halves("retention.starts", activity.retention.starts))
    if not activity.security_measures:
        yield "security_measures", ()
    if activity.impact_assessment is None and any(category.sensitive for category in activity.categories):
        yield "impact_assessment", ()


def _halves(field: str, text: HalfText) -> Iterator[Asked]:
    if text.fr is None:
        yield Asked(f"{field}.fr")
    if text.en is None:
        yield Asked(f"{field}.en")
