"""What proves an activity's security: the controls that measures cite, then the town's own. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from beffroi.city import Text
from beffroi.declaration import Declaration
from beffroi.verdict import Outcome, Verdict

from .keeping import machines
from .model import Proof, SecurityLine, Standing

if TYPE_CHECKING:
    from beffroi.runs import Run

FRAMEWORK = "rgpd"
"""Controls that answer it are cited for every activity whose machines they look at."""

_WORST_FIRST = (
    (Standing.UNSEEN, {None, Outcome.ERROR, Outcome.NOT_CHECKED}),
    (Standing.FAILING, {Outcome.FAIL}),
    (Standing.WAIVED, {Outcome.WAIVED}),
    (Standing.PROVED, {Outcome.PASS}),
)


class Proving:
    """The controls that hold on each machine, and the last verdict of each with its date."""

    def __init__(self, declared: Declaration, run: Run | None) -> None:
        self.declared = declared
        self.checks: dict[str, list[str]] = {}
        for check in declared.desired.checks:
            self.checks.setdefault(check.host, []).append(check.control)
        self.verdicts = {(each.host, each.control): each for each in (run.verdicts if run else ())}
        self.finished = run.finished if run else None
        self.seen = _seen(run)

    def proof(self, host: str, control: str) -> Proof:
        """Return the last verdict of a control on a machine; a capture's own time where there is one."""
        title = self.declared.controls[control].title
        verdict = self.verdicts.get((host, control))
        if verdict is None:
            return Proof(control=control, title=title, host=host, outcome=None)
        when = self.seen.get((host, verdict.kind), self.finished)
        return Proof(
            control=control, title=title, host=host, outcome=verdict.outcome, when=when, reason=_reason(verdict)
        )


def security(proving: Proving, activity: str) -> tuple[SecurityLine, ...]:
    """Return the security lines of an activity, what could not be proved first."""
    city = proving.declared.city
    found = machines(city, activity)
    lines = [*_measures(proving, activity, found), *_controls(proving, found)]
    order = list(Standing)
    return tuple(sorted(lines, key=lambda line: order.index(line.standing)))


def standing(proofs: Iterable[Proof]) -> Standing:
    """Return the standing of some proofs, the worst of them; `notapplicable` ones alone prove nothing here."""
    outcomes = {proof.outcome for proof in proofs}
    if not outcomes:
        return Standing.WORDS
    return next((word for word, these in _WORST_FIRST if outcomes & these), Standing.ELSEWHERE)


def _measures(proving: Proving, activity: str, found: list[str]) -> Iterator[SecurityLine]:
    for measure in proving.declared.city.processing[activity].security_measures:
        proofs = tuple(
            proving.proof(host, control)
            for control in measure.controls
            for host in found
            if control in proving.checks.get(host, ())
        )
        yield SecurityLine(text=_words(measure), proofs=proofs, standing=standing(proofs))


def _controls(proving: Proving, found: list[str]) -> Iterator[SecurityLine]:
    for name, control in proving.declared.controls.items():
        hosts = [host for host in found if name in proving.checks.get(host, ())]
        if FRAMEWORK in control.maps and hosts:
            proofs = tuple(proving.proof(host, name) for host in hosts)
            yield SecurityLine(text=control.title, control=name, proofs=proofs, standing=standing(proofs))


def _words(text: Text) -> Text:
    return Text.model_construct(fr=text.fr, en=text.en)


def _reason(verdict: Verdict) -> str:
    reasons = dict.fromkeys(finding.reason for finding in verdict.findings if finding.reason)
    return verdict.reason or "; ".join(reasons)


def _seen(run: Run | None) -> dict[tuple[str, str], datetime]:
    """Return when each kind was last looked at on each machine."""
    found: dict[tuple[str, str], datetime] = {}
    for observation in run.observations if run else ():
        for capture in observation.captures:
            key = (observation.host, observation.kind)
            found[key] = max(found.get(key, capture.when), capture.when)
    return found
