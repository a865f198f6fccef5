"""The report as a value: what was declared, what was asked, what was seen, and what follows from it. Pure."""

from __future__ import annotations

import json

from pydantic import AwareDatetime

from beffroi.city import City, Text
from beffroi.control import Control, Severity
from beffroi.framework import Framework
from beffroi.verdict import Frozen, Observation, Outcome, Verdict
from beffroi.waiver import Waiver

SHOWN_FIRST = (
    Outcome.ERROR,
    Outcome.NOT_CHECKED,
    Outcome.FAIL,
    Outcome.WAIVED,
    Outcome.PASS,
    Outcome.NOT_APPLICABLE,
)
"""Every outcome, in the order in which a reader needs them: what nobody looked at comes before what is wrong."""

NOT_LOOKED_AT = (Outcome.ERROR, Outcome.NOT_CHECKED)

SYMBOLS = {
    Outcome.PASS: "✓",
    Outcome.FAIL: "✗",
    Outcome.ERROR: "?",
    Outcome.NOT_CHECKED: "○",
    Outcome.WAIVED: "⚑",
    Outcome.NOT_APPLICABLE: "\N{EN DASH}",
}
"""One sign an outcome, so that no meaning rests on colour."""

GRAVEST_FIRST = (Severity.HIGH, Severity.MEDIUM, Severity.LOW)


class Report(Frozen):
    """One verification of one town. Times are the caller's (aware of their zone); `plan_digest` names the plan applied.

    `observations` carry the raw captures. `frameworks` may be empty: no coverage is then told.
    `waivers` are the town's.
    """

    city: City
    controls: dict[str, Control]
    verdicts: tuple[Verdict, ...]
    observations: tuple[Observation, ...]
    plan_digest: str
    started: AwareDatetime
    finished: AwareDatetime
    version: str
    frameworks: dict[str, Framework] = {}
    waivers: tuple[Waiver, ...] = ()

    def hosts(self) -> list[str]:
        """Return every machine that the town declares, then those that verdicts alone name."""
        return list(dict.fromkeys([*self.city.machines(), *(verdict.host for verdict in self.verdicts)]))

    def control_ids(self) -> list[str]:
        """Return every control asked for or judged, sorted."""
        return sorted({*self.controls, *(verdict.control for verdict in self.verdicts)})

    def title(self, control: str) -> Text:
        """Return a control's title, or its id where the catalogue does not know it."""
        known = self.controls.get(control)
        return known.title if known else Text.model_construct(fr=control, en=control)


def to_json(report: Report) -> str:
    """Return the whole report as canonical JSON (sorted keys, ASCII, no spaces): it can be read back, and digested."""
    plain = report.model_dump(mode="json", by_alias=True)
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=True) + "\n"
