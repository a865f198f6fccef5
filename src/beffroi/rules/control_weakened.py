"""A control goes on asking for as much as it did, by the order that its kind gives to its values."""

from __future__ import annotations

from collections.abc import Iterator

from . import Breach, Proposal, RuleModel, Source
from ._held import common
from ._values import asks_for_less, changes

ON_CHANGE = True


class Params(RuleModel):
    """Nothing to set."""


def find(proposal: Proposal, _params: Params) -> Iterator[Breach]:
    """Yield the controls that surely ask for less; those whose values cannot be ordered are for `control_changed`."""
    for old, new in common(proposal):
        if asks_for_less(old, new) is True:
            field = "params" if old.kind == new.kind else "kind"
            yield Breach(new.id, (new.id, field), changes(old, new), Source.CONTROLS)
