"""A segment that nothing stands on but gateways: a network that is filtered, kept and paid for, for nobody."""

from __future__ import annotations

from collections.abc import Iterator

from beffroi.city import Zone

from . import Breach, Proposal, RuleModel


class Params(RuleModel):
    """The zones whose segments are meant to hold gateways alone."""

    except_zones: tuple[Zone, ...] = (Zone.INTERNET, Zone.TRANSIT)


def find(proposal: Proposal, params: Params) -> Iterator[Breach]:
    """Yield the segments without a host and without a fleet."""
    city = proposal.city
    used = {fleet.segment for fleet in city.fleets.values()}
    used.update(segment for host in city.hosts.values() for segment in host.interfaces)
    for name, segment in city.segments.items():
        if name not in used and segment.zone not in params.except_zones:
            yield Breach(name, ("segments", name), {"segment": name})
