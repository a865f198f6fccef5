"""A flow that was opened for a time closes when it was said to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from . import Breach, Proposal, RuleModel
from ._flows import pairs

ON_CHANGE = True


class Params(RuleModel):
    """What became of the end date: a `later` one, or none at all (`never`)."""

    ends: Literal["later", "never"]


def find(proposal: Proposal, params: Params) -> Iterator[Breach]:
    """Yield the flows that had an end date and whose end is now later, or never."""
    for old, index, flow in pairs(proposal):
        was, now = old.until, flow.until
        # Under another name it is another flow, unless it opens the very same.
        if was is None or (old.name != flow.name and old.service != flow.service):
            continue
        if (now is None) == (params.ends == "never") and (now is None or now > was):
            names = {"flow": flow.name, "before": was.isoformat(), "after": now.isoformat() if now else "-"}
            yield Breach(flow.name, ("flows", index, "until"), names)
