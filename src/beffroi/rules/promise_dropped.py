"""What the register promises about an activity is not taken back: its legal basis, and what protects the data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Literal

from beffroi.city import ProcessingActivity
from beffroi.city.processing import Processor
from beffroi.fieldpath import FieldPath

from . import Breach, Proposal, RuleModel
from ._register import pairs

ON_CHANGE = True

Promise = Literal["legal-basis", "sensitive", "impact-assessment", "security-measures", "processors"]
_Dropped = tuple[FieldPath, str, str]
"""The field, what it said, what it says."""


class Params(RuleModel):
    """Which promise to look at.

    `sensitive`: data once said to be sensitive still is. `security-measures`: no fewer than before. `processors`: the
    contract and the guarantee of each that stays.
    """

    promise: Promise


def find(proposal: Proposal, params: Params) -> Iterator[Breach]:
    """Yield the activities that promise less than they did, each once."""
    for _, old, name, new in pairs(proposal):
        dropped = next(_PROMISES[params.promise](old, new), None)
        if dropped:
            path, was, now = dropped
            names = {"activity": name, "field": ".".join(map(str, path)), "before": was, "after": now}
            yield Breach(name, ("processing", name, *path), names)


def _legal_basis(was: ProcessingActivity, now: ProcessingActivity) -> Iterator[_Dropped]:
    if was.legal_basis != now.legal_basis:
        yield ("legal_basis",), was.legal_basis.value, now.legal_basis.value


def _sensitive(was: ProcessingActivity, now: ProcessingActivity) -> Iterator[_Dropped]:
    """Yield where a sensitive category is declared ordinary, or the last one is gone while its stores stay."""
    labels = {label for each in was.categories if each.sensitive for label in (each.label.fr, each.label.en)}
    for index, each in enumerate(now.categories):
        if not each.sensitive and {each.label.fr, each.label.en} & labels:
            yield ("categories", index, "sensitive"), "true", "false"
    if labels and not any(each.sensitive for each in now.categories):
        yield ("categories",), "sensitive", "-"


def _impact_assessment(was: ProcessingActivity, now: ProcessingActivity) -> Iterator[_Dropped]:
    if was.impact_assessment and not now.impact_assessment:
        yield ("impact_assessment",), was.impact_assessment, "-"


def _security_measures(was: ProcessingActivity, now: ProcessingActivity) -> Iterator[_Dropped]:
    before, after = len(was.security_measures), len(now.security_measures)
    if after < before:
        yield ("security_measures",), str(before), str(after)


def _processors(was: ProcessingActivity, now: ProcessingActivity) -> Iterator[_Dropped]:
    known: Mapping[str, Processor] = {each.name: each for each in was.processors}
    for index, each in enumerate(now.processors):
        old = known.get(each.name)
        if old and old.guarantee and not each.guarantee and old.country == each.country:
            yield ("processors", index, "guarantee"), old.guarantee.en, "-"
        if old and old.contract and not each.contract:
            yield ("processors", index, "contract"), old.contract, "-"


_PROMISES: Mapping[Promise, Callable[[ProcessingActivity, ProcessingActivity], Iterator[_Dropped]]] = {
    "legal-basis": _legal_basis,
    "sensitive": _sensitive,
    "impact-assessment": _impact_assessment,
    "security-measures": _security_measures,
    "processors": _processors,
}
