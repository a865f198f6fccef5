"""The reader's questions, answered from a report: what was not looked at, what deviates, what is waived. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC

from beffroi.control import Control, Severity
from beffroi.verdict import Capture, Finding, Outcome, Verdict
from beffroi.waiver import Waiver

from .model import GRAVEST_FIRST, NOT_LOOKED_AT, SHOWN_FIRST, Report


@dataclass(frozen=True)
class Group:
    """Verdicts of one host that share an outcome and a reason."""

    host: str
    outcome: Outcome
    reason: str
    verdicts: tuple[Verdict, ...]


@dataclass(frozen=True)
class Deviation:
    """One control that fails, and its failing verdicts, in the hosts' order."""

    id: str
    control: Control | None
    verdicts: tuple[Verdict, ...]

    @property
    def severity(self) -> Severity:
        """Return how grave it is; what the catalogue does not know counts as grave."""
        return self.control.severity if self.control else Severity.HIGH


def reason(verdict: Verdict) -> str:
    """Return why a verdict is what it is: its own reason, else its findings' reasons, each once."""
    reasons = dict.fromkeys(finding.reason for finding in verdict.findings if finding.reason)
    return verdict.reason or "; ".join(reasons)


def groups(report: Report, outcomes: Iterable[Outcome]) -> list[Group]:
    """Return the verdicts that have one of `outcomes`, grouped by host and reason, in the hosts' order."""
    wanted = set(outcomes)
    found: dict[tuple[str, Outcome, str], list[Verdict]] = {}
    for verdict in report.verdicts:
        if verdict.outcome in wanted:
            found.setdefault((verdict.host, verdict.outcome, reason(verdict)), []).append(verdict)
    place = {host: index for index, host in enumerate(report.hosts())}
    ordered = sorted(found.items(), key=lambda item: (place[item[0][0]], item[0][1:]))
    return [Group(*key, verdicts=tuple(verdicts)) for key, verdicts in ordered]


def deviations(report: Report) -> list[Deviation]:
    """Return the controls that fail somewhere, the gravest first, then by id."""
    place = {host: index for index, host in enumerate(report.hosts())}
    failing: dict[str, list[Verdict]] = {}
    for verdict in report.verdicts:
        if verdict.outcome is Outcome.FAIL:
            failing.setdefault(verdict.control, []).append(verdict)
    found = [
        Deviation(control, report.controls.get(control), tuple(sorted(verdicts, key=lambda each: place[each.host])))
        for control, verdicts in failing.items()
    ]
    return sorted(found, key=lambda deviation: (GRAVEST_FIRST.index(deviation.severity), deviation.id))


def needless(report: Report) -> list[Waiver]:
    """Return the waivers that still count although their control passes now: left in place, they would hide a relapse.

    One of a control that does not apply to the machine, or that nobody could look at, is not among them.
    """
    today = report.finished.astimezone(UTC).date()
    passing = {(verdict.host, verdict.control) for verdict in report.verdicts if verdict.outcome is Outcome.PASS}
    return [it for it in report.waivers if it.counts(today) and (it.subject, it.control) in passing]


def telling(verdict: Verdict) -> list[Finding]:
    """Return the findings that made a verdict fail or err (those that pass say nothing more)."""
    return [finding for finding in verdict.findings if finding.outcome is not Outcome.PASS]


def silent_machines(report: Report) -> list[str]:
    """Return the declared machines about which there is not one verdict."""
    judged = {verdict.host for verdict in report.verdicts}
    return [name for name in report.city.machines() if name not in judged]


def unasked_controls(report: Report) -> list[str]:
    """Return the controls that were asked for and judged on no machine at all."""
    judged = {verdict.control for verdict in report.verdicts}
    return [control for control in sorted(report.controls) if control not in judged]


def tally(verdicts: Iterable[Verdict]) -> dict[Outcome, int]:
    """Return how many verdicts have each outcome, in the order to show them."""
    counted = Counter(verdict.outcome for verdict in verdicts)
    return {outcome: counted[outcome] for outcome in SHOWN_FIRST}


def by_host(report: Report) -> dict[str, list[Verdict]]:
    """Return every host's verdicts, an empty list for a machine without any."""
    sorted_out: dict[str, list[Verdict]] = {host: [] for host in report.hosts()}
    for verdict in report.verdicts:
        sorted_out[verdict.host].append(verdict)
    return sorted_out


def captures_by_source(report: Report) -> dict[tuple[str, str], list[Capture]]:
    """Return the commands that ran, in order, by (host, kind)."""
    sorted_out: dict[tuple[str, str], list[Capture]] = {}
    for observation in report.observations:
        sorted_out.setdefault((observation.host, observation.kind), []).extend(observation.captures)
    return sorted_out


def answer(report: Report) -> str:
    """Return the report's answer in one word: `empty`, `unknown`, `unknown-fail`, `fail`, `waived` or `pass`."""
    seen = {verdict.outcome for verdict in report.verdicts}
    unknown = bool(seen & set(NOT_LOOKED_AT)) or bool(silent_machines(report))
    if not seen:
        return "empty"
    if Outcome.FAIL in seen:
        return "unknown-fail" if unknown else "fail"
    if unknown:
        return "unknown"
    return "waived" if Outcome.WAIVED in seen else "pass"


def gravest(counts: dict[Outcome, int]) -> Outcome | None:
    """Return the outcome by which to mark a machine that has several, or None without a verdict that counts."""
    order = (Outcome.FAIL, Outcome.ERROR, Outcome.NOT_CHECKED, Outcome.WAIVED, Outcome.PASS)
    return next((outcome for outcome in order if counts[outcome]), None)
