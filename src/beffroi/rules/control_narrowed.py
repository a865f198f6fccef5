"""A control goes on holding on the machines that it held on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from . import Breach, Proposal, RuleModel, Source
from ._held import common, machines

ON_CHANGE = True


class Params(RuleModel):
    """Why machines are spared: the `control` no longer asks, or the `machine` is no longer of its sort."""

    because: Literal["control", "machine"]


def find(proposal: Proposal, params: Params) -> Iterator[Breach]:
    """Yield the controls that spare machines of the town on which they held; machines that are gone do not count."""
    if proposal.before is None:
        return
    for old, new in common(proposal):
        held, holds = machines(old, proposal.before.city), machines(new, proposal.city)
        spared = (held & proposal.city.machines().keys()) - holds
        if not spared:
            continue
        # What the control as it was would not ask of the machine as it is, is the machine's doing.
        by_control = spared & machines(old, proposal.city)
        lost = sorted(by_control if params.because == "control" else spared - by_control)
        if lost:
            names = {"control": new.id, "machines": ", ".join(lost), "before": str(len(held)), "after": str(len(holds))}
            yield Breach(new.id, (new.id, "applies"), names, Source.CONTROLS)
