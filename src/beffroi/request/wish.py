"""What a service asks for, in the model's own words; what is left out is asked, never guessed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, StringConstraints, ValidationError, field_validator

from beffroi import yamlfile
from beffroi.city import Fleet, Service, Store, Text
from beffroi.city.net import Day
from beffroi.city.processing import Category, Duration, LegalBasis, Measure, Processor
from beffroi.city.words import Declared, Flag, Line, Name
from beffroi.errors import InvalidCity
from beffroi.yamlfile import Document

PortOf = Annotated[str, StringConstraints(pattern=r"^(tcp|udp)/[0-9]{1,5}(-[0-9]{1,5})?$|^icmp$")]
"""A transport and its ports: `tcp/8883`, `udp/5000-5010`, `icmp`."""


def _one_name_is_a_list_of_one(names: object) -> object:
    return (names,) if isinstance(names, str) else tuple(names) if isinstance(names, list) else names


class HalfText(Declared):
    """A text of which one language may still be missing."""

    fr: Line | None = None
    en: Line | None = None

    def whole(self) -> Text | None:
        """Return the text once it is written in both languages."""
        return Text(fr=self.fr, en=self.en) if self.fr and self.en else None


class HalfRetention(Declared):
    """A retention that may still lack its length or its start."""

    duration: Duration | None = None
    starts: HalfText = HalfText()


class StoreWish(Store):
    """A store to be made on a host for the activity."""

    host: Name


class ActivityWish(Declared):
    """The processing activity that the flow would serve, where the register has none: as much as is known of it."""

    label: HalfText = HalfText()
    purpose: HalfText = HalfText()
    legal_basis: LegalBasis | None = None
    legal_reference: HalfText = HalfText()
    responsible: Name | None = None
    data_subjects: tuple[Text, ...] = ()
    categories: tuple[Category, ...] = ()
    recipients: tuple[Text, ...] = ()
    processors: tuple[Processor, ...] = ()
    stores: tuple[Name, ...] = ()
    new_stores: dict[Name, StoreWish] = {}
    retention: HalfRetention = HalfRetention()
    security_measures: tuple[Measure, ...] = ()
    impact_assessment: Line | None = None


class FurtherFlow(Declared):
    """A flow that the wish takes besides: a collector that passes data on, a copy that is fetched.

    It serves the same activity and ends on the same day.
    """

    name: Name
    source: Annotated[tuple[Name, ...], Field(alias="from", min_length=1)]
    destination: Annotated[tuple[Name, ...], Field(alias="to", min_length=1)]
    service: Name
    purpose: Text

    _one = field_validator("source", "destination", mode="before")(_one_name_is_a_list_of_one)


class Wish(Declared):
    """One permission to talk that somebody asks for.

    `processing` names the activity that it serves; `activity` describes that activity where the register has none.
    `personal_data: false` says that no personal data travels. `permanent: true` says that the flow has no end.
    """

    name: Name | None = None
    source: Annotated[tuple[Name, ...], Field(alias="from")] = ()
    destination: Annotated[tuple[Name, ...], Field(alias="to")] = ()
    service: Name | None = None
    port: PortOf | None = None
    encrypted: Flag | None = None
    purpose: HalfText = HalfText()
    asked_by: Name | None = None
    personal_data: Flag | None = None
    processing: Name | None = None
    activity: ActivityWish | None = None
    until: Day | None = None
    permanent: Flag = False
    then: tuple[FurtherFlow, ...] = ()
    new_service: Service | None = None
    new_fleets: dict[Name, Fleet] = {}

    _one = field_validator("source", "destination", mode="before")(_one_name_is_a_list_of_one)


def read_wish(path: Path) -> tuple[Document, dict[str, Any]]:
    """Read a request's file; raise InvalidCity, located, for what is not plain YAML or has not the form of a wish."""
    document = yamlfile.read(path, shown_as=path.as_posix())
    written = document.mapping()
    try:
        Wish.model_validate(written, by_alias=True, by_name=False)
    except ValidationError as error:
        raise InvalidCity(document.problems(error, model=Wish)) from error
    return document, written


def merged(written: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a file says with what options say on top: mappings are merged, all else is replaced."""
    whole = dict(written)
    for key, value in more.items():
        both = isinstance(value, Mapping) and isinstance(whole.get(key), Mapping)
        whole[key] = merged(whole[key], value) if both else value
    return whole
