"""From observations to verdicts. Pure: the same observations, waivers and day give the same verdicts, anywhere."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from beffroi import kinds
from beffroi.desired import Check, DesiredState
from beffroi.errors import UNREADABLE
from beffroi.verdict import Observation, Outcome, Verdict, worst
from beffroi.waiver import Waiver


def judge(
    desired: DesiredState,
    observations: Iterable[Observation],
    waivers: Iterable[Waiver] = (),
    today: date | None = None,
) -> tuple[Verdict, ...]:
    """Return one verdict for every check of `desired`: what nobody observed is `notchecked`.

    A failure is `waived` where one of `waivers` counts on the day `today`; without a day, none does. What could not be
    looked at is never waived: nobody knows what would be accepted.
    """
    seen = {(observation.host, observation.kind): observation for observation in observations}
    verdicts = (_verdict(check, seen.get((check.host, check.kind))) for check in desired.checks)
    counting = [waiver for waiver in waivers if waiver.control and today is not None and waiver.counts(today)]
    granted = {(waiver.subject, waiver.control): waiver for waiver in sorted(counting, key=lambda it: it.until)}
    if not granted:
        return tuple(verdicts)
    return tuple(_excused(verdict, granted.get((verdict.host, verdict.control))) for verdict in verdicts)


def _excused(verdict: Verdict, waiver: Waiver | None) -> Verdict:
    if waiver is None or verdict.outcome is not Outcome.FAIL:
        return verdict
    reason = f"accepted until {waiver.until.isoformat()} by {waiver.approver}, asked for by {waiver.owner}"
    return verdict.model_copy(update={"outcome": Outcome.WAIVED, "reason": reason})


def _verdict(check: Check, observation: Observation | None) -> Verdict:
    if observation is None:
        return _without_findings(check, Outcome.NOT_CHECKED, "not observed")
    if observation.facts is None:
        return _without_findings(check, Outcome.ERROR, observation.could_not_look)
    kind = kinds.load(check.kind)
    try:
        settings = [kind.Setting.model_validate(setting) for setting in check.settings]
        findings = kind.judge(settings, observation.facts)
    except UNREADABLE as error:
        return _without_findings(check, Outcome.ERROR, f"unreadable facts: {type(error).__name__}: {error}"[:500])
    outcome = worst(findings)
    reasons = dict.fromkeys(finding.reason for finding in findings if finding.outcome == outcome and finding.reason)
    return Verdict(
        host=check.host,
        control=check.control,
        kind=check.kind,
        outcome=outcome,
        findings=tuple(findings),
        reason="; ".join(reasons),
    )


def _without_findings(check: Check, outcome: Outcome, reason: str) -> Verdict:
    return Verdict(host=check.host, control=check.control, kind=check.kind, outcome=outcome, reason=reason)
