"""The text of a machine's firewall: what `/etc/nftables.conf` holds, from the declared flows alone. Pure.

A default-drop ruleset. Elements and rules carry their flows' names. Neighbour discovery and what RFC 4890 (sections 4.3
and 4.4) says must not be dropped pass; echo passes where a flow declares it, at a bounded rate. A machine on several
segments also drops, before anything else, sources that cannot come from where they come (RFC 3704). Refusals are logged
at a bounded rate.
"""

from __future__ import annotations

from functools import lru_cache

from beffroi.city import City
from beffroi.city.sameness import Same

from .compiling import compiled
from .nfttext import ruleset_text
from .repeated import Repeated

_HEADER = """#!/usr/sbin/nft -f
# Derived from the town's declared flows: edits here do not last.

flush ruleset

"""


def ruleset(city: City, machine: str) -> str:
    """Return the text of /etc/nftables.conf for a managed machine; raise KeyError when there is none of that name."""
    return _ruleset(Same(city), machine)


@lru_cache(maxsize=4096)
def _ruleset(same: Same, machine: str) -> str:
    return _texts.of(machine, compiled(same.city, machine))


_texts = Repeated(lambda objects: _HEADER + ruleset_text(objects))
