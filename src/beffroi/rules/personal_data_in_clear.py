"""A flow that serves a processing activity goes over a service that protects what it carries."""

from __future__ import annotations

from collections.abc import Iterator

from . import Breach, Proposal, RuleModel


class Params(RuleModel):
    """Nothing to set."""


def find(proposal: Proposal, _params: Params) -> Iterator[Breach]:
    """Yield the flows of personal data whose service is not encrypted."""
    city = proposal.city
    for index, flow in enumerate(city.flows):
        if flow.processing and not city.services[flow.service].encrypted:
            names = {"flow": flow.name, "service": flow.service, "activity": flow.processing}
            yield Breach(flow.name, ("flows", index, "service"), names)
