"""Markup in the town's two languages at once: the page's reader chooses which of them shows."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Protocol

from markupsafe import Markup, escape

from beffroi.city import Retention, Text
from beffroi.messages import LANGUAGES, catalogue, say

from .visible import visible

_CODE = re.compile("`([^`]+)`")
UNITS = {
    "hour": ("report-hour", "report-hours"),
    "day": ("report-day-long", "report-days-long"),
    "week": ("report-week", "report-weeks"),
    "month": ("report-month", "report-months-long"),
    "year": ("report-year", "report-years"),
}
"""The messages of one and of several of each unit of a duration."""


class Day(Protocol):
    """What `date` and `datetime` share."""

    @property
    def day(self) -> int:
        """Day of the month, from 1."""
        ...

    @property
    def month(self) -> int:
        """Month, from 1."""
        ...

    @property
    def year(self) -> int:
        """Year of the common era."""
        ...


def safe(value: object) -> Markup:
    """Return `value` fit for a page: markup as it is, anything else made visible and escaped."""
    return value if isinstance(value, Markup) else escape(visible(str(value)))


def both(texts: dict[str, Markup]) -> Markup:
    """Return the texts of all languages, each marked as such; one alone when they are the same."""
    if len(set(texts.values())) == 1:
        return next(iter(texts.values()))
    return Markup("").join(Markup('<span lang="{}">{}</span>').format(name, texts[name]) for name in LANGUAGES)


def of_text(text: Text) -> Markup:
    """Return a declared text in both languages."""
    return both({language: safe(text.of(language)) for language in LANGUAGES})


def told(key: str, /, **names: object) -> Markup:
    """Return a message of the catalogue in both languages; what stands between backquotes is shown as code."""
    safe_names = {name: _in_each(value) for name, value in names.items()}
    return both({language: _message(key, language, safe_names) for language in LANGUAGES})


def moment(when: datetime) -> Markup:
    """Return a time to the second, with its zone."""
    time = f"{when:%H:%M:%S} {when.tzname() or ''}".rstrip()
    return both({language: safe(spoken_day(when, time, language)) for language in LANGUAGES})


def spoken_day(when: Day, time: str | None, language: str) -> str:
    """Return a day, and `time` of that day if any, as `language` writes them."""
    month = say("report-months", language=language).split()[when.month - 1]
    key = "report-moment" if time else "report-day"
    return say(key, language=language, day=when.day, month=month, year=when.year, time=time)


def day(when: Day) -> Markup:
    """Return a day of the calendar."""
    return both({language: safe(spoken_day(when, None, language)) for language in LANGUAGES})


def lasting(retention: Retention) -> Markup:
    """Return how long data are kept, in words."""
    count, unit = retention.duration.split()
    one, many = UNITS[unit.removesuffix("s")]
    return told(one if int(count) == 1 else many, count=count)


def spoken_seconds(seconds: float, language: str) -> str:
    """Return a length of time: tenths of a second below one minute, whole seconds above."""
    if seconds < 60:  # noqa: PLR2004 - a minute
        number = f"{seconds:.1f}"
        return say(
            "report-seconds", language=language, seconds=number.replace(".", ",") if language == "fr" else number
        )
    minutes, rest = divmod(round(seconds), 60)
    return say("report-minutes", language=language, minutes=minutes, seconds=rest)


def seconds(number: float) -> Markup:
    """Return a length of time in both languages."""
    return both({language: safe(spoken_seconds(number, language)) for language in LANGUAGES})


def _message(key: str, language: str, names: dict[str, dict[str, Markup]]) -> Markup:
    text = Markup(_CODE.sub(r"<code>\1</code>", str(escape(catalogue(language)[key]))))  # noqa: S704 - our own text, escaped
    return text.format(**{name: values[language] for name, values in names.items()})


def _in_each(value: object) -> dict[str, Markup]:
    if isinstance(value, Text):
        return {language: safe(value.of(language)) for language in LANGUAGES}
    return dict.fromkeys(LANGUAGES, safe(value))
