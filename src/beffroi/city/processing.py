"""Processing activities of personal data, in the words of article 30 of the RGPD (Regulation (EU) 2016/679)."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from .words import Declared, Flag, Line, Name, Text

Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
"""ISO 3166-1 alpha-2."""


def _as_written(value: object) -> object:
    return str(value) if type(value) in (int, float) else value


Duration = Annotated[
    str,
    BeforeValidator(_as_written, json_schema_input_type=str),
    StringConstraints(pattern=r"^[1-9][0-9]{0,4} (hour|day|week|month|year)s?$"),
]
"""A whole number and its unit: `30 days`, `1 year`.

A month counts 30 days and a year 365, so that a purge is never late.
"""

_DAYS = {"hour": 1 / 24, "day": 1, "week": 7, "month": 30, "year": 365}


def length(duration: str) -> timedelta:
    """Return a Duration as a length of time."""
    number, unit = duration.split()
    return timedelta(days=int(number) * _DAYS[unit.removesuffix("s")])


EEA = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK IS LI NO".split()  # noqa: SIM905
)
"""The 27 member states and Iceland, Liechtenstein and Norway (ISO 3166-1): data moves freely there."""


class LegalBasis(StrEnum):
    """Article 6(1), points (a) to (f)."""

    CONSENT = "consent"
    CONTRACT = "contract"
    LEGAL_OBLIGATION = "legal-obligation"
    VITAL_INTERESTS = "vital-interests"
    PUBLIC_TASK = "public-task"
    LEGITIMATE_INTERESTS = "legitimate-interests"


ControlId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+(/[a-z0-9-]+)*$", max_length=200)]


class Category(Declared):
    """A category of personal data; `sensitive` for articles 9 and 10."""

    label: Text
    erased_after: Annotated[
        Duration | None, Field(description="its own limit, where it is shorter than the activity's (article 30(1)(f))")
    ] = None
    sensitive: Annotated[Flag, Field(description="special categories and offences (RGPD, articles 9 and 10)")] = False


class Processor(Declared):
    """Somebody who processes data on the town's behalf (article 28)."""

    name: Annotated[Line, Field(description="the company or body")]
    country: Annotated[Country, Field(description="where data is processed (ISO 3166-1 alpha-2)")]
    guarantee: Annotated[
        Text | None, Field(description="what covers a transfer outside the EU (articles 44 to 49)")
    ] = None
    contract: Annotated[Line | None, Field(description="reference of the contract (article 28)")] = None


class Party(Declared):
    """A body that decides why and how data is processed: a joint controller, or one that the town works for."""

    name: Annotated[Line, Field(description="the body")]
    contact: Annotated[Line | None, Field(description="where it can be reached (article 30)")] = None
    data_protection_officer: Annotated[
        Line | None, Field(description="where its data protection officer can be reached")
    ] = None


class Transfer(Declared):
    """Data that goes to a recipient who is no processor, in another country or an international organisation."""

    recipient: Text
    country: Annotated[Country, Field(description="where the data goes (ISO 3166-1 alpha-2)")]
    guarantee: Annotated[
        Text | None, Field(description="what covers a transfer outside the EU (articles 44 to 49)")
    ] = None


class Measure(Text):
    """A security measure (article 32), and the controls whose verdicts show that it holds."""

    controls: Annotated[
        tuple[ControlId, ...], Field(description="ids of the controls that prove it, such as `data/purge-timers-run`")
    ] = ()


class Retention(Declared):
    """How long data is kept, and from what event the time runs."""

    duration: Annotated[Duration, Field(description="a whole number and its unit, such as `30 days` or `1 year`")]
    starts: Text

    def lasts(self) -> timedelta:
        """Return the retention as a length of time."""
        return length(self.duration)


class ProcessingActivity(Declared):
    """One line of the register: why data is processed, whose, by whom, where it is kept and for how long."""

    label: Text
    purpose: Text
    legal_basis: LegalBasis
    legal_reference: Annotated[Text | None, Field(description="the law or deliberation that the activity rests on")] = (
        None
    )
    role: Annotated[
        Literal["controller", "processor"],
        Field(description="whether the town decides (controller) or acts for another (processor)"),
    ] = "controller"
    controllers: Annotated[
        tuple[Party, ...], Field(description="on whose behalf, where the town is a processor (article 30(2)(a))")
    ] = ()
    joint_controllers: Annotated[
        tuple[Party, ...], Field(description="who decides together with the town (article 26)")
    ] = ()
    responsible: Annotated[Name, Field(description="the function that answers for the activity")]
    data_subjects: Annotated[tuple[Text, ...], Field(min_length=1, description="whose data")]
    categories: Annotated[tuple[Category, ...], Field(min_length=1, description="which data")]
    recipients: Annotated[tuple[Text, ...], Field(description="to whom data is disclosed")] = ()
    processors: Annotated[tuple[Processor, ...], Field(description="who processes data for the town")] = ()
    transfers: Annotated[
        tuple[Transfer, ...], Field(description="to which other recipients data goes abroad (article 30(1)(e))")
    ] = ()
    stores: Annotated[tuple[Name, ...], Field(description="names of the stores that hold the data")]
    retention: Retention
    security_measures: Annotated[
        tuple[Measure, ...], Field(min_length=1, description="how data is protected (article 32)")
    ]
    impact_assessment: Annotated[Line | None, Field(description="reference of the assessment (article 35)")] = None
