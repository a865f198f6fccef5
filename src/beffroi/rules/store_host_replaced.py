"""A machine that keeps personal data is not made anew: other addresses, another system, and its disks start empty."""

from __future__ import annotations

from collections.abc import Iterator

from beffroi.city import Host

from . import Breach, Proposal, RuleModel
from ._stores import keepers

ON_CHANGE = True


class Params(RuleModel):
    """Nothing to set."""


def find(proposal: Proposal, _params: Params) -> Iterator[Breach]:
    """Yield the hosts that keep personal data, before and after, and whose interfaces or system are other ones."""
    if proposal.before is None:
        return
    stood = proposal.before.city
    for name in sorted(keepers(stood) & keepers(proposal.city)):
        for field in ("os", "interfaces"):
            was, now = _told(stood.hosts[name], field), _told(proposal.city.hosts[name], field)
            if was != now:
                yield Breach(name, ("hosts", name, field), {"host": name, "before": was, "after": now})
                break


def _told(host: Host, field: str) -> str:
    if field == "os":
        return host.os
    return ", ".join(f"{segment} {it.ipv4} {it.ipv6}" for segment, it in sorted(host.interfaces.items()))
