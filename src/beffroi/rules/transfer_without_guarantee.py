"""A processor outside the European Economic Area names what covers the transfer (RGPD articles 44 to 49)."""

from __future__ import annotations

from collections.abc import Iterator

from . import Breach, Proposal, RuleModel

EEA = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK IS LI NO".split()  # noqa: SIM905
)
"""The 27 member states and Iceland, Liechtenstein and Norway (ISO 3166-1): the RGPD applies there as at home."""


class Params(RuleModel):
    """Nothing to set."""


def find(proposal: Proposal, _params: Params) -> Iterator[Breach]:
    """Yield the processors outside the EEA without a stated guarantee."""
    for name, activity in proposal.city.processing.items():
        for index, processor in enumerate(activity.processors):
            if processor.country not in EEA and processor.guarantee is None:
                names = {"activity": name, "processor": processor.name, "country": processor.country}
                yield Breach(name, ("processing", name, "processors", index), names)
