"""The activities of the register, as they stood and as they would stand."""

from __future__ import annotations

from collections.abc import Iterator

from beffroi.city import ProcessingActivity

from . import Proposal
from ._stores import pairs as stores


def pairs(proposal: Proposal) -> Iterator[tuple[str, ProcessingActivity, str, ProcessingActivity]]:
    """Yield each activity that goes on: its name and itself, before and after.

    One that takes another name is the same, if the new one claims all the stores that are left of it.
    """
    if proposal.before is None:
        return
    stood, stands = proposal.before.city.processing, proposal.city.processing
    for name, activity in stood.items():
        successor = name if name in stands else _successor(activity, proposal)
        if successor is not None:
            yield name, activity, successor, stands[successor]


def left(activity: ProcessingActivity, proposal: Proposal) -> set[str]:
    """Return the stores of an activity that stood which are left, by the names that they have now."""
    return {now.name for old, now in stores(proposal) if now and old.name in activity.stores}


def _successor(activity: ProcessingActivity, proposal: Proposal) -> str | None:
    remains = left(activity, proposal)
    stood = proposal.before.city.processing if proposal.before else {}
    new = [name for name in proposal.city.processing if name not in stood]
    return next((name for name in new if remains and remains <= set(proposal.city.processing[name].stores)), None)
