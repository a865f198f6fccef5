"""A control whose values change, and cannot be ordered, is read by somebody."""

from __future__ import annotations

from collections.abc import Iterator

from . import Breach, Proposal, RuleModel, Source
from ._held import common
from ._values import asks_for_less, changes

ON_CHANGE = True


class Params(RuleModel):
    """Nothing to set."""


def find(proposal: Proposal, _params: Params) -> Iterator[Breach]:
    """Yield the controls of which nobody can tell whether they ask for less."""
    for old, new in common(proposal):
        if asks_for_less(old, new) is None:
            yield Breach(new.id, (new.id, "params"), changes(old, new), Source.CONTROLS)
