"""From observations to verdicts. Pure: the same observations give the same verdicts, anywhere, at any time."""

from __future__ import annotations

from collections.abc import Iterable

from beffroi import kinds
from beffroi.desired import Check, DesiredState
from beffroi.errors import UNREADABLE
from beffroi.verdict import Observation, Outcome, Verdict, worst


def judge(desired: DesiredState, observations: Iterable[Observation]) -> tuple[Verdict, ...]:
    """Return one verdict for every check of `desired`: what nobody observed is `notchecked`."""
    seen = {(observation.host, observation.kind): observation for observation in observations}
    return tuple(_verdict(check, seen.get((check.host, check.kind))) for check in desired.checks)


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
