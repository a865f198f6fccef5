"""Controls: one requirement a file, data only. The id of a control is its path below `controls/`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from beffroi import kinds, yamlfile
from beffroi.city.words import Declared, Name, Text
from beffroi.errors import InvalidCity, Problem
from beffroi.kinds import Site
from beffroi.messages import say


class Severity(StrEnum):
    """How grave a failure is."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class Applies(Declared):
    """On which machines a control holds; an empty list restricts nothing.

    `roles`: machines that play one of them. `not_roles`: machines that play none of them.
    `gateways`: only gateways (true) or only hosts (false). `stores`: only machines that keep data (true).
    """

    roles: tuple[Name, ...] = ()
    not_roles: tuple[Name, ...] = ()
    gateways: bool | None = None
    stores: bool | None = None

    def to(self, site: Site) -> bool:
        """Tell whether the control holds on `site`."""
        played = site.machine.roles
        if self.roles and not any(role in self.roles for role in played):
            return False
        if self.not_roles and any(role in self.not_roles for role in played):
            return False
        if self.gateways is not None and self.gateways != site.is_gateway:
            return False
        return self.stores is None or self.stores == bool(getattr(site.machine, "stores", {}))


class Control(Declared):
    """A requirement: what must hold (`kind`, `params`), why, how grave, and which outside texts ask for it (`maps`)."""

    id: str
    title: Text
    rationale: Text
    severity: Severity
    kind: str
    params: dict[str, Any] = {}
    applies: Applies = Applies()
    maps: dict[Name, tuple[str | int, ...]]


def load_controls(root: Path) -> dict[str, Control]:
    """Read every control below `root/compliance/controls`, by id; raise InvalidCity with all the problems found."""
    folder = root / "compliance" / "controls"
    controls: dict[str, Control] = {}
    problems: list[Problem] = []
    for path in sorted(folder.rglob("*.yml")):
        control_id = path.relative_to(folder).with_suffix("").as_posix()
        try:
            document = yamlfile.read(path, shown_as=path.relative_to(root).as_posix(), within=root)
            controls[control_id] = _read(document, control_id)
        except InvalidCity as error:
            problems += error.problems
    if problems:
        raise InvalidCity(problems)
    return controls


def _read(document: yamlfile.Document, control_id: str) -> Control:
    try:
        control = Control.model_validate({"id": control_id, **document.mapping()})
    except ValidationError as error:
        raise InvalidCity(document.problems(error, model=Control)) from error
    if control.kind not in kinds.names():
        hint = say("control-unknown-kind-hint", kinds=", ".join(kinds.names()))
        raise InvalidCity([document.problem(("kind",), say("control-unknown-kind", kind=control.kind), hint)])
    params = kinds.load(control.kind).Params
    try:
        params.model_validate(control.params)
    except ValidationError as error:
        raise InvalidCity(document.problems(error, prefix=("params",), model=params)) from error
    return control
