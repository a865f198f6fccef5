"""Frameworks: outside texts that controls map to, and what the controls reach of each.

A framework is data, `compliance/frameworks/<id>.yml`: the publisher's ids, each with a title in this project's words.
Mapping goes one way, from a control to requirement ids; the coverage is always computed, never written down.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from beffroi import yamlfile
from beffroi.city.words import Declared, Line, Name, Text
from beffroi.control import Control
from beffroi.errors import InvalidCity, Problem
from beffroi.messages import say


class Status(StrEnum):
    """What a text binds to, on the day `as_of`: it says nothing of whether a town complies."""

    LAW = "law"
    BILL = "bill"
    RECOMMENDATION = "recommendation"


class Sight(StrEnum):
    """Where one can tell whether a requirement holds. Machines look at the first three alone."""

    HOST = "host"
    NETWORK = "network"
    MODEL = "model"
    RECORD = "record"
    PEOPLE = "people"
    HARDWARE = "hardware"


MACHINES_SEE = frozenset({Sight.HOST, Sight.NETWORK, Sight.MODEL})


class Requirement(Declared):
    """One requirement: its title in our words, its level in the text's own scale, and where one can tell."""

    title: Text
    level: Name
    seen_in: Annotated[tuple[Sight, ...], Field(min_length=1)]

    @property
    def machines_can_tell(self) -> bool:
        """Tell whether software can see it at all, wholly or in part: a gap elsewhere is not a missing control."""
        return bool(MACHINES_SEE & set(self.seen_in))


class Framework(Declared):
    """An outside text: which edition, what it binds to and when that was last read, its levels and requirements."""

    id: Name
    title: Text
    publisher: Line
    edition: Line
    status: Status
    as_of: date
    source: Annotated[str, Field(pattern=r"^https://[^\s]+$")]
    levels: Annotated[dict[Name, Text], Field(min_length=1, description="from the least demanding up")]
    requirements: Annotated[dict[str, Requirement], Field(min_length=1)]


@dataclass(frozen=True)
class Coverage:
    """What a set of controls reaches of one framework: requirement id -> ids of the controls that map to it."""

    framework: Framework
    reached: Mapping[str, tuple[str, ...]]

    @property
    def unreached(self) -> tuple[str, ...]:
        """Return the requirements that machines could see and no control maps to, in the text's order."""
        requirements = self.framework.requirements.items()
        return tuple(name for name, it in requirements if it.machines_can_tell and name not in self.reached)

    @property
    def beyond_machines(self) -> tuple[str, ...]:
        """Return the requirements that no machine can see: they are for people to look at."""
        requirements = self.framework.requirements.items()
        return tuple(name for name, it in requirements if not it.machines_can_tell and name not in self.reached)

    def by_level(self) -> dict[str, tuple[int, int]]:
        """Return, for each level, how many of its requirements are reached, and how many it has."""
        counts = dict.fromkeys(self.framework.levels, (0, 0))
        for name, requirement in self.framework.requirements.items():
            reached, total = counts[requirement.level]
            counts[requirement.level] = (reached + (name in self.reached), total + 1)
        return counts


@dataclass(frozen=True, order=True)
class UnknownId:
    """A control maps to something that no framework has."""

    control: str
    framework: str
    requirement: str

    def __str__(self) -> str:
        return say("framework-unknown-id", **vars(self))


def load_frameworks(root: Path) -> dict[str, Framework]:
    """Read every `root/compliance/frameworks/*.yml`, by id; raise InvalidCity with all the problems found."""
    frameworks: dict[str, Framework] = {}
    problems: list[Problem] = []
    for path in sorted((root / "compliance" / "frameworks").glob("*.yml")):
        try:
            document = yamlfile.read(path, shown_as=path.relative_to(root).as_posix(), within=root)
            framework = Framework.model_validate({"id": path.stem, **document.mapping()})
        except InvalidCity as error:
            problems += error.problems
        except ValidationError as error:
            problems += document.problems(error, model=Framework)
        else:
            problems += _unknown_levels(framework, document)
            frameworks[framework.id] = framework
    if problems:
        raise InvalidCity(problems)
    return frameworks


def _unknown_levels(framework: Framework, document: yamlfile.Document) -> list[Problem]:
    hint = say("framework-unknown-level-hint", levels=", ".join(framework.levels))
    return [
        document.problem(("requirements", name, "level"), say("framework-unknown-level", level=it.level), hint)
        for name, it in framework.requirements.items()
        if it.level not in framework.levels
    ]


def coverage(controls: Mapping[str, Control], frameworks: Mapping[str, Framework]) -> dict[str, Coverage]:
    """Return what `controls` reach of each framework, by framework id. Ids that no framework has are left out."""
    reached: dict[str, dict[str, tuple[str, ...]]] = {}
    for control, framework, requirement in _mapped(controls):
        if framework in frameworks and requirement in frameworks[framework].requirements:
            of_framework = reached.setdefault(framework, {})
            of_framework[requirement] = (*of_framework.get(requirement, ()), control)
    return {name: Coverage(framework, reached.get(name, {})) for name, framework in frameworks.items()}


def unknown_ids(controls: Mapping[str, Control], frameworks: Mapping[str, Framework]) -> list[UnknownId]:
    """Return every mapping of `controls` to a framework or a requirement that does not exist, sorted."""
    return sorted(
        UnknownId(control, framework, requirement)
        for control, framework, requirement in _mapped(controls)
        if framework not in frameworks or requirement not in frameworks[framework].requirements
    )


def _mapped(controls: Mapping[str, Control]) -> list[tuple[str, str, str]]:
    """Return (control, framework, requirement) for every mapping; ids written as numbers are text like the others."""
    return [
        (control_id, framework, str(requirement))
        for control_id, control in controls.items()
        for framework, requirements in control.maps.items()
        for requirement in requirements
    ]
