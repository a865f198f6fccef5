"""A segment that takes in more addresses takes in more machines: each rule about it is about them too."""

from __future__ import annotations

from collections.abc import Iterator

from . import Breach, Proposal, RuleModel
from ._segments import pairs

ON_CHANGE = True


class Params(RuleModel):
    """Nothing to set."""


def find(proposal: Proposal, _params: Params) -> Iterator[Breach]:
    """Yield the segments one of whose networks holds the one that it was, and more; each once."""
    for old, name, segment in pairs(proposal):
        if segment.ipv4 != old.ipv4 and segment.ipv4.supernet_of(old.ipv4):
            field, was, now = "ipv4", str(old.ipv4), str(segment.ipv4)
        elif segment.ipv6 != old.ipv6 and segment.ipv6.supernet_of(old.ipv6):
            field, was, now = "ipv6", str(old.ipv6), str(segment.ipv6)
        else:
            continue
        yield Breach(name, ("segments", name, field), {"segment": name, "before": was, "after": now})
