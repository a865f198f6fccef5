"""What a finding is recognised by from one run of the gate to the next: its words that stay, never a line. Pure."""

from __future__ import annotations

from collections import Counter
from hashlib import sha256

from beffroi.fieldpath import WHOLE_FILE
from beffroi.gate import Violation
from beffroi.network.answer import Deviation
from beffroi.review import Fault

from .gate_findings import MODEL, PROOF


class Fingerprints:
    """Prints of the findings of one town: what would have the same one is numbered in the order of asking."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def fault(self, each: Fault) -> str:
        """Return the print of a mistake: its field's name, or its file where the whole of it is meant."""
        if each.field == WHOLE_FILE:
            return self._of(MODEL, each.field, each.spot.file)
        return self._of(MODEL, *(step for step in each.field.split(".") if not step.isdigit()))

    def violation(self, each: Violation) -> str:
        """Return the print of a violation: its policy, its subject and its field's name."""
        return self._of(each.policy, each.subject, each.source, *(step for step in each.path if isinstance(step, str)))

    def deviation(self, each: Deviation) -> str:
        """Return the print of a deviation of the network proof: its sort, the family and both ends."""
        return self._of(each.invariant or PROOF, each.sort, str(each.family), each.start, each.end)

    def _of(self, *stable: str) -> str:
        digest = sha256("\0".join(stable).encode("utf-8", "replace")).hexdigest()[:32]
        self._seen[digest] += 1
        return f"{digest}:{self._seen[digest]}"
