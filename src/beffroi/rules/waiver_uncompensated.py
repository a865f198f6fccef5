"""What makes up for a waiver exists: a sentence, or a control that the town really holds itself to."""

from __future__ import annotations

import re
from collections.abc import Iterator

from beffroi.waiver import Waiver

from . import Breach, Proposal, RuleModel, Waivable
from ._waivers import breach, numbered

WAIVABLE = Waivable.NEVER

_ID = re.compile(r"[a-z0-9-]+(/[a-z0-9-]+)+")


class Params(RuleModel):
    """Nothing to set."""


def find(proposal: Proposal, _params: Params) -> Iterator[Breach]:
    """Yield the waivers made up for by a control that is not in the profile, or that is itself waived there."""
    for index, waiver in numbered(proposal):
        if not _ID.fullmatch(waiver.compensating):
            continue
        if waiver.compensating not in proposal.after.controls or _waived(waiver, proposal.after.waivers):
            yield breach(index, waiver, "compensating", control=waiver.compensating)


def _waived(waiver: Waiver, waivers: tuple[Waiver, ...]) -> bool:
    return any(other.control == waiver.compensating and other.subject == waiver.subject for other in waivers)
