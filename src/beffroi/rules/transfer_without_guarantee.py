"""A processor or recipient outside the EEA names what covers the transfer (RGPD articles 44 to 49)."""

from __future__ import annotations

from collections.abc import Iterator

from beffroi.city.processing import EEA

from . import Breach, Proposal, RuleModel


class Params(RuleModel):
    """Nothing to set."""


def find(proposal: Proposal, _params: Params) -> Iterator[Breach]:
    """Yield the processors and the recipients outside the EEA without a stated guarantee."""
    for name, activity in proposal.city.processing.items():
        for index, processor in enumerate(activity.processors):
            if processor.country not in EEA and processor.guarantee is None:
                names = {"activity": name, "processor": processor.name, "country": processor.country}
                yield Breach(name, ("processing", name, "processors", index), names)
        for index, transfer in enumerate(activity.transfers):
            if transfer.country not in EEA and transfer.guarantee is None:
                names = {"activity": name, "processor": transfer.recipient.en, "country": transfer.country}
                yield Breach(name, ("processing", name, "transfers", index), names)
