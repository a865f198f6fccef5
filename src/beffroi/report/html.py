"""The report as one HTML file that asks nothing of the network, in French and in English. Pure."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup

from beffroi.city import Text
from beffroi.messages import LANGUAGES, say
from beffroi.verdict import Outcome, Verdict

from . import bilingual, city_map, matrix
from .coverage import coverage
from .excerpts import evidence
from .model import NOT_LOOKED_AT, SYMBOLS, Report
from .summary import (
    Deviation,
    Group,
    answer,
    by_host,
    deviations,
    gravest,
    groups,
    needless,
    silent_machines,
    tally,
    telling,
    unasked_controls,
)
from .visible import visible

SHOWN_OPEN = 12
"""Failing machines told in full under one control; the others stand folded."""


@dataclass(frozen=True)
class Findings:
    """All that the page groups: each list is in the order of reading."""

    unseen: list[Group]
    failures: list[Deviation]
    waived: list[Group]
    not_applicable: list[Group]

    def anchors(self) -> dict[tuple[str, str], str]:
        """Return where the page tells about each verdict, by (host, control)."""
        found = {
            (verdict.host, verdict.control): f"{name}-{number}"
            for name, gathered in (("u", self.unseen), ("w", self.waived), ("n", self.not_applicable))
            for number, group in enumerate(gathered)
            for verdict in group.verdicts
        }
        failing = (verdict for deviation in self.failures for verdict in deviation.verdicts)
        found |= {(each.host, each.control): f"f-{number}" for number, each in enumerate(failing)}
        return found

    def told_in_full(self) -> list[Verdict]:
        """Return the verdicts whose captures the page shows, in the order it shows them."""
        unseen = [verdict for group in self.unseen for verdict in group.verdicts]
        return unseen + [verdict for deviation in self.failures for verdict in deviation.verdicts]


def render(report: Report, language: str = "fr") -> str:
    """Return the whole page. `language` shows first; the reader switches, or opens it at `#fr` or `#en`."""
    style, script = asset("style.css"), asset("speaking.js") + asset("report.js")
    page = {
        "report": report,
        "language": language,
        "titles": {
            each: say("report-title-of", language=each, town=report.city.town.label.of(each)) for each in LANGUAGES
        },
        "style": Markup(style),  # noqa: S704 - our own file
        "script": Markup(script),  # noqa: S704 - our own file
        "policy": content_policy(style, script),
    }
    return environment().get_template("report.html.j2").render(page | _declared(report) | _judged(report))


def _declared(report: Report) -> dict[str, Any]:
    """Return what the page says of the town itself."""
    city = report.city

    def function(name: str) -> Markup:
        return bilingual.of_text(city.functions[name].label) if name in city.functions else bilingual.safe(name)

    return {
        "machines": city.machines(),
        "function": function,
        "stores": {name: {"label": store.label, "host": host} for host, name, store in city.stores()},
        "frameworks": {name: bilingual.of_text(each.title) for name, each in report.frameworks.items()},
        "devices": sum(fleet.count for fleet in city.fleets.values()),
    }


def _judged(report: Report) -> dict[str, Any]:
    """Return what the page says of the verdicts."""
    found = Findings(
        unseen=groups(report, NOT_LOOKED_AT),
        failures=deviations(report),
        waived=groups(report, (Outcome.WAIVED,)),
        not_applicable=groups(report, (Outcome.NOT_APPLICABLE,)),
    )
    anchors = found.anchors()
    tallies = {host: tally(verdicts) for host, verdicts in by_host(report).items()}
    return {
        "found": found,
        "evidence": evidence(report, found.told_in_full()),
        "needless": [(waiver, _spoken(waiver.until)) for waiver in needless(report)],
        "answer": f"report-answer-{answer(report)}",
        "counts": tally(report.verdicts),
        "tallies": tallies,
        "asked": {host: sum(counts.values()) for host, counts in tallies.items()},
        "silent": silent_machines(report),
        "unasked": unasked_controls(report),
        "matrix": matrix.build(report, anchors),
        "map": city_map.draw(report.city, {host: first for host, each in tallies.items() if (first := gravest(each))}),
        "coverage": coverage(report),
    }


@cache
def environment() -> jinja2.Environment:
    """Return what renders the room's templates: all that they print is escaped, and made visible."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("beffroi.report"),
        autoescape=True,
        finalize=_visible,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "told": bilingual.told,
        "text": bilingual.of_text,
        "moment": bilingual.moment,
        "day": bilingual.day,
        "lasting": bilingual.lasting,
        "seconds": bilingual.seconds,
        "symbols": SYMBOLS,
        "role": _role,
        "listed": _listed,
        "telling": telling,
        "SHOWN_OPEN": SHOWN_OPEN,
    }
    return environment


def _visible(value: object) -> object:
    """Neutralise every plain string that a template prints; markup was made safe where it was made."""
    if isinstance(value, Text):
        return bilingual.of_text(value)
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _spoken(when: date) -> Text:
    return Text(**{language: bilingual.spoken_day(when, None, language) for language in LANGUAGES})


def _role(kind: str) -> Markup:
    return Markup("<code>{}</code>").format(bilingual.safe(kind))


def _listed(items: Iterable[object]) -> Markup:
    return Markup(", ").join(bilingual.safe(item) for item in items)


@cache
def asset(name: str) -> str:
    """Return a file of the templates' folder as text."""
    return (resources.files("beffroi.report") / "templates" / name).read_text("utf-8")


def content_policy(style: str, script: str) -> str:
    """Return a Content-Security-Policy (W3C CSP3) under which this page's own style and script alone may act."""
    return (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
