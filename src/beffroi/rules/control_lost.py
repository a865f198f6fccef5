"""A control that the town held itself to is not dropped: nobody would look any longer."""

from __future__ import annotations

from collections.abc import Iterator

from . import Breach, Proposal, RuleModel, Source

ON_CHANGE = True


class Params(RuleModel):
    """Nothing to set."""


def find(proposal: Proposal, _params: Params) -> Iterator[Breach]:
    """Yield the controls that are gone from the profile, or from the catalogue."""
    if proposal.before is None:
        return
    for name in sorted(proposal.before.controls.keys() - proposal.after.controls.keys()):
        severity = proposal.before.controls[name].severity.value
        yield Breach(name, (name,), {"control": name, "severity": severity}, Source.CONTROLS)
