"""What the gate answers about a proposed change: everything that its pages tell, as one frozen value. Pure.

It carries names, packets, files and lines; sentences are made where it is shown, in the reader's language.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from beffroi.city.words import Text
from beffroi.gate import Decision, Judgement, Violation
from beffroi.network.answer import Deviation
from beffroi.policy import Level
from beffroi.verdict import Frozen
from beffroi.waiver import Waiver


class Spot(Frozen):
    """A line of a file of the repository: `file` is relative to its top, with slashes; `line` starts at 1.

    `before` is set where the line is one of the base, and not of the proposed files.
    """

    file: str
    line: int
    before: bool = False

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class Fault(Frozen):
    """A mistake in the files, as `errors.Problem` has it: nothing can be judged before it is mended."""

    spot: Spot
    field: str
    reason: str
    hint: str


class Found(Frozen):
    """A violation, where it is written, and the waiver that lets it pass, if one does."""

    violation: Violation
    spot: Spot
    waiver: Waiver | None = None


class FlowChange(Frozen):
    """Packets that a change opens or closes between two places: all of them in words, and a witness.

    `doubtful`: it cannot be told whether they change at all. `flows` are the declared flows behind it, with their line:
    of the proposed files for what opens, of the base for what closes. `elsewhere` are other places from where whoever
    stands there may send the very same packets.
    """

    sort: Literal["opened", "closed"]
    family: Literal[4, 6]
    start: str
    end: str
    packets: tuple[str, ...]
    witness: str
    doubtful: bool = False
    flows: tuple[tuple[str, Spot], ...] = ()
    elsewhere: tuple[str, ...] = ()


class ControlChange(Frozen):
    """A control that the town holds itself to from now on, no longer, or otherwise (field, before, after)."""

    sort: Literal["gained", "lost", "changed"]
    control: str
    machines: tuple[str, ...]
    changes: tuple[tuple[str, str, str], ...] = ()
    spot: Spot


class RegisterChange(Frozen):
    """A processing activity (RGPD, article 30) that appears, goes, or whose fields change."""

    sort: Literal["added", "removed", "changed"]
    activity: str
    changes: tuple[tuple[str, str, str], ...] = ()
    spot: Spot


class Impact(StrEnum):
    """What becomes of a machine when the change is applied, gravest first."""

    DESTROYED = "destroyed"
    REPLACED = "replaced"
    RESTARTED = "restarted"
    CREATED = "created"
    RECONFIGURED = "reconfigured"
    FIREWALL = "firewall"


class Blast(Frozen):
    """What becomes of one machine, and why: names of what changes (addresses, settings, flows)."""

    machine: str
    impact: Impact
    causes: tuple[str, ...]
    stores: tuple[str, ...] = ()


class Asked(Frozen):
    """A policy that judged, in its own words: what pages say of it where it finds nothing, too."""

    policy: str
    title: Text
    rationale: Text
    level: Level


class Review(Frozen):
    """One town's proposed change, judged.

    `base` and `head` name what was compared, as the person wrote it: a git reference, or empty for the files as they
    are. With `faults` nothing else is filled in. `deviations` are those of the proof: the compiled firewalls against
    the declared flows. `steps` are the real preview's, when one was asked for. `asked` are the decision's policies;
    `flow_spots` tells where flows that deviations name are written, `spot` where the town is.
    """

    town: str
    base: str = ""
    head: str = ""
    faults: tuple[Fault, ...] = ()
    decision: Decision | None = None
    found: tuple[Found, ...] = ()
    deviations: tuple[Deviation, ...] = ()
    flows: tuple[FlowChange, ...] = ()
    flows_compared: bool = False
    controls: tuple[ControlChange, ...] = ()
    register_: tuple[RegisterChange, ...] = ()
    blast: tuple[Blast, ...] = ()
    steps: tuple[str, ...] | None = None
    asked: tuple[Asked, ...] = ()
    flow_spots: dict[str, Spot] = {}
    spot: Spot | None = None

    @property
    def judgement(self) -> Judgement:
        """Return the gate's word: refused for a mistake, a violation that stands or a refuted proof."""
        if self.faults or (self.decision and self.decision.judgement == Judgement.REFUSED):
            return Judgement.REFUSED
        if any(not each.unknown for each in self.deviations):
            return Judgement.REFUSED
        doubts = self.decision is None or self.decision.judgement == Judgement.UNDECIDED or self.deviations
        return Judgement.UNDECIDED if doubts else Judgement.ACCEPTED

    @property
    def exit_code(self) -> int:
        """Return the status for a CI job: 0 accepted, 1 refused, 2 undecided."""
        return {Judgement.ACCEPTED: 0, Judgement.REFUSED: 1, Judgement.UNDECIDED: 2}[self.judgement]
