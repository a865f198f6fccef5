"""Reads any nftables ruleset, as `nft -j list ruleset` prints it, into what its rules mean. Pure.

What is not modelled makes the cases that it touches unknown; what no kernel would hold is refused. The form is that of
libnftables-json(5).
"""

from __future__ import annotations

from .document import read
from .refusals import NotAFirewall

__all__ = ["NotAFirewall", "read"]
