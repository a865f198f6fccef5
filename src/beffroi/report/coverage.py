"""What the chosen controls reach of each outside text, and what they found there. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from beffroi.city import Text
from beffroi.verdict import Outcome, Verdict

from .model import Framework, Report
from .summary import tally


@dataclass(frozen=True)
class Requirement:
    """One requirement of a framework: the controls that map to it and their verdicts' counts."""

    id: str
    title: Text | None
    controls: tuple[str, ...]
    counts: dict[Outcome, int]


@dataclass(frozen=True)
class Coverage:
    """One framework. `listed` tells whether all its requirements are known, so that a share of them means something."""

    framework: Framework
    requirements: tuple[Requirement, ...]
    listed: bool

    @property
    def covered(self) -> int:
        """Return how many requirements at least one control reaches."""
        return sum(1 for requirement in self.requirements if requirement.controls)


def coverage(report: Report) -> list[Coverage]:
    """Return the coverage of each framework of the report, in the order given."""
    by_control: dict[str, list[Verdict]] = {}
    for verdict in report.verdicts:
        by_control.setdefault(verdict.control, []).append(verdict)
    return [_coverage(report, framework, by_control) for framework in report.frameworks]


def _coverage(report: Report, framework: Framework, by_control: dict[str, list[Verdict]]) -> Coverage:
    reached: dict[str, list[str]] = {requirement: [] for requirement in framework.requirements}
    for control in report.controls.values():
        for requirement in control.maps.get(framework.id, ()):
            reached.setdefault(str(requirement), []).append(control.id)
    requirements = tuple(
        Requirement(
            name,
            framework.requirements.get(name),
            tuple(controls),
            tally(verdict for control in controls for verdict in by_control.get(control, ())),
        )
        for name, controls in reached.items()
    )
    return Coverage(framework, requirements, listed=bool(framework.requirements))
