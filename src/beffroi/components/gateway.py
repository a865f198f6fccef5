"""A gateway of the city: a server between segments. It forwards nothing before its ruleset is loaded."""

from __future__ import annotations

from .declared import GATEWAY
from .server import Machine


class Gateway(Machine):
    """A managed router and firewall."""

    kind = GATEWAY
