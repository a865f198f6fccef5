"""Waivers: what a town lets pass for a time, who asked, who agreed, and what makes up for it. Data only.

They stand in `waivers.yml` of the town's folder. A waiver names one policy or one control, and one subject (a
violation's, or a machine). An expired one waives nothing. Source: OSCAL's risk acceptance; ISO/IEC 27001:2022, 6.1.3.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, StringConstraints, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from beffroi import yamlfile
from beffroi.city.net import Day
from beffroi.city.schema import DIALECT
from beffroi.city.words import Declared, Line, Name, Text
from beffroi.errors import InvalidCity, Problem
from beffroi.fieldpath import visible
from beffroi.messages import say
from beffroi.yamlfile import Document

FILE = "waivers.yml"

Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+(/[a-z0-9-]+)*$", max_length=200)]
"""A control's or a policy's id: its path, such as `ssh/root-login-refused`."""


class Waiver(Declared):
    """One thing that may stand although a policy or a control refuses it, until a day, and why."""

    policy: Annotated[Id | None, Field(description="the policy that is waived; or else `control`")] = None
    control: Annotated[Id | None, Field(description="the control that is waived; or else `policy`")] = None
    subject: Annotated[Line, Field(description="what it is about: a flow, a store..., or the machine of a control")]
    owner: Annotated[Name, Field(description="the function that asked for it and answers for it")]
    approver: Annotated[Name, Field(description="the function that agreed, another one than the owner")]
    reason: Text
    until: Annotated[Day, Field(description="last day on which it counts")]
    compensating: Annotated[Line, Field(description="what makes up for it meanwhile: a control's id, or a sentence")]

    @model_validator(mode="after")
    def _about_one_thing(self) -> Self:
        if (self.policy is None) == (self.control is None):
            raise PydanticCustomError("waiver_about_one", "a waiver names a policy or a control, not both")  # noqa: EM101
        return self

    @property
    def called(self) -> str:
        """Return what it waives, in a few words: the policy or the control, and the subject."""
        return f"{self.policy or self.control}: {self.subject}"

    def counts(self, today: date) -> bool:
        """Tell whether it still counts on a day."""
        return today <= self.until


class _File(Declared):
    waivers: tuple[Waiver, ...] = ()


def load_waivers(folder: Path, *, shown_as: str) -> tuple[tuple[Waiver, ...], Document | None]:
    """Read the waivers of the town in `folder`, and the document that knows their lines; none where there is no file.

    Raise InvalidCity with every problem found. `shown_as` is the file's name in problems.
    """
    path = folder / FILE
    if not (path.exists() or path.is_symlink()):
        return (), None
    document = yamlfile.read(path, shown_as=shown_as, within=folder)
    try:
        waivers = _File.model_validate(document.mapping()).waivers
    except ValidationError as error:
        raise InvalidCity(document.problems(error, model=_File)) from error
    problems = _written_twice(waivers, document)
    if problems:
        raise InvalidCity(problems)
    return waivers, document


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of `waivers.yml`, for editors."""
    schema = {"$schema": DIALECT, **_File.model_json_schema(), "title": "A town's waivers, as Beffroi reads them"}
    schema["$defs"]["Waiver"]["oneOf"] = [{"required": ["policy"]}, {"required": ["control"]}]
    return schema


def _written_twice(waivers: tuple[Waiver, ...], document: Document) -> list[Problem]:
    """Return a problem for each waiver of what another one waives: which of both counts, nobody could tell."""
    first: dict[str, int] = {}
    problems = []
    for index, waiver in enumerate(waivers):
        known = first.setdefault(waiver.called, index)
        if known != index:
            line = document.lines[("waivers", known)]
            reason = say("waiver-twice", waiver=visible(waiver.called), line=line)
            problems.append(document.problem(("waivers", index), reason, say("waiver-twice-hint")))
    return problems
