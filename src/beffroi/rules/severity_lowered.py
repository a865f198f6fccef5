"""A control is not called less grave than it was."""

from __future__ import annotations

from collections.abc import Iterator

from beffroi.control import Severity

from . import Breach, Proposal, RuleModel, Source
from ._held import common

ON_CHANGE = True

_LOWEST_FIRST = list(Severity)


class Params(RuleModel):
    """Nothing to set."""


def find(proposal: Proposal, _params: Params) -> Iterator[Breach]:
    """Yield the controls whose severity is lower than it was."""
    for old, new in common(proposal):
        if _LOWEST_FIRST.index(new.severity) < _LOWEST_FIRST.index(old.severity):
            names = {"control": new.id, "before": old.severity.value, "after": new.severity.value}
            yield Breach(new.id, (new.id, "severity"), names, Source.CONTROLS)
