"""What cannot be read as a ruleset, and what can be read but is not modelled. Pure."""

from __future__ import annotations

from beffroi.errors import InvalidInput
from beffroi.fieldpath import visible
from beffroi.messages import say


class NotAFirewall(InvalidInput):
    """The document is no ruleset in nft's JSON, or one that no kernel would hold, or one beyond the limits."""


class NotModelled(Exception):
    """A value whose meaning the reader does not know: what it is compared with becomes unknown, never a guess."""


class Budget:
    """How much a document may still cost: elements read and cases made are counted against one limit."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.left = most

    def spend(self, amount: int) -> None:
        """Count `amount` more; raise NotAFirewall when the limit is passed."""
        self.left -= amount
        if self.left < 0:
            raise NotAFirewall(say("reading-too-large", most=self.most), hint=say("reading-too-large-hint"))


def malformed(found: object) -> NotAFirewall:
    """Return the refusal of a value that nft never prints there."""
    return NotAFirewall(say("reading-malformed", found=visible(repr(found))), hint=say("reading-malformed-hint"))
