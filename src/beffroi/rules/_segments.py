"""The segments of a town, as they stood and as they would stand."""

from __future__ import annotations

from collections.abc import Iterator

from beffroi.city import Segment

from . import Proposal


def pairs(proposal: Proposal) -> Iterator[tuple[Segment, str, Segment]]:
    """Yield each segment that goes on: as it was, its name now, as it is.

    One that takes another name is the same, if it has the VLAN or a network of one that is gone.
    """
    if proposal.before is None:
        return
    stood, stands = proposal.before.city.segments, proposal.city.segments
    gone = [segment for name, segment in stood.items() if name not in stands]
    for name, segment in stands.items():
        old = stood.get(name) or next((it for it in gone if _is_the_same(it, segment)), None)
        if old:
            yield old, name, segment


def _is_the_same(old: Segment, new: Segment) -> bool:
    return old.vlan == new.vlan or old.ipv4 == new.ipv4 or old.ipv6 == new.ipv6
