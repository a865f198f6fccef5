"""What the chosen controls reach of each outside text, and what they found there. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from beffroi import framework
from beffroi.city import Text
from beffroi.framework import Framework
from beffroi.verdict import Outcome, Verdict

from .model import Report
from .summary import tally


@dataclass(frozen=True)
class Requirement:
    """One requirement of a framework: the controls that map to it and their verdicts' counts."""

    id: str
    title: Text
    level: Text
    controls: tuple[str, ...]
    counts: dict[Outcome, int]
    machines_can_tell: bool


@dataclass(frozen=True)
class Coverage:
    """One framework, requirement by requirement. `reached` by a control; `beyond` what any machine can see."""

    framework: Framework
    requirements: tuple[Requirement, ...]
    reached: int
    beyond: int


def coverage(report: Report) -> list[Coverage]:
    """Return the coverage of each framework of the report, in the order given."""
    by_control: dict[str, list[Verdict]] = {}
    for verdict in report.verdicts:
        by_control.setdefault(verdict.control, []).append(verdict)
    return [
        Coverage(
            framework=each.framework,
            requirements=_requirements(each, by_control),
            reached=len(each.reached),
            beyond=len(each.beyond_machines),
        )
        for each in framework.coverage(report.controls, report.frameworks).values()
    ]


def _requirements(covered: framework.Coverage, by_control: dict[str, list[Verdict]]) -> tuple[Requirement, ...]:
    def found(controls: Sequence[str]) -> dict[Outcome, int]:
        return tally(verdict for control in controls for verdict in by_control.get(control, ()))

    return tuple(
        Requirement(
            id=name,
            title=requirement.title,
            level=covered.framework.levels[requirement.level],
            controls=(controls := covered.reached.get(name, ())),
            counts=found(controls),
            machines_can_tell=requirement.machines_can_tell,
        )
        for name, requirement in covered.framework.requirements.items()
    )
