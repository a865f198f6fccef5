"""Profiles: which controls a town holds itself to, and with which values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from beffroi import kinds, yamlfile
from beffroi.city.words import Declared, Text
from beffroi.control import Control
from beffroi.errors import InvalidCity, Problem
from beffroi.fieldpath import FieldPath
from beffroi.messages import say
from beffroi.yamlfile import Document


class Profile(Declared):
    """A choice of controls (ids, or globs such as `ssh/*`) and the values that differ (`params`, by control id)."""

    name: str
    title: Text
    controls: tuple[str, ...]
    params: dict[str, dict[str, Any]] = {}


@dataclass(frozen=True)
class Choice:
    """The controls that a profile chooses, their values set; the ids of all that it chose from; its file."""

    controls: dict[str, Control]
    known: frozenset[str]
    written: Document

    def value(self, control: str) -> Any:  # noqa: ANN401 - what the file holds
        """Return what the profile sets for a control, None when it sets nothing."""
        return (self.written.value.get("params") or {}).get(control)


def load_profile(root: Path, name: str, controls: Mapping[str, Control]) -> dict[str, Control]:
    """Return the controls of `root/compliance/profiles/<name>.yml` by id, their values set; raise InvalidCity."""
    return choose(root, name, controls).controls


def choose(root: Path, name: str, controls: Mapping[str, Control]) -> Choice:
    """Read `root/compliance/profiles/<name>.yml`, which chooses among `controls`; raise InvalidCity."""
    path = root / "compliance" / "profiles" / f"{name}.yml"
    document = yamlfile.read(path, shown_as=path.relative_to(root).as_posix(), within=root)
    try:
        profile = Profile.model_validate({"name": name, **document.mapping()})
    except ValidationError as error:
        raise InvalidCity(document.problems(error, model=Profile)) from error
    chosen: dict[str, Control] = {}
    problems: list[Problem] = []
    for control_id, control in controls.items():
        if any(fnmatchcase(control_id, pattern) for pattern in profile.controls):
            values = {**control.params, **profile.params.get(control_id, {})}
            params = kinds.load(control.kind).Params
            try:
                params.model_validate(values)
            except ValidationError as error:
                problems += document.problems(error, prefix=("params", control_id), model=params)
            chosen[control_id] = control.model_copy(update={"params": values})
    problems += _without_effect(profile, controls, chosen, document)
    if problems:
        raise InvalidCity(problems)
    return Choice(chosen, frozenset(controls), document)


def _without_effect(
    profile: Profile, controls: Mapping[str, Control], chosen: Mapping[str, Control], document: yamlfile.Document
) -> list[Problem]:
    """Return what the profile asks for and nothing answers: a value that no control takes would be a silent loss."""
    unmatched: list[tuple[FieldPath, str, str]] = [
        (("controls", index), say("profile-unmatched", pattern=pattern), say("profile-unmatched-hint"))
        for index, pattern in enumerate(profile.controls)
        if not any(fnmatchcase(control_id, pattern) for control_id in controls)
    ]
    for name in profile.params:
        if name not in chosen:
            key = "profile-not-chosen" if name in controls else "profile-unmatched"
            unmatched.append((("params", name), say(key, pattern=name), say(f"{key}-hint")))
    return [document.problem(path, reason, hint) for path, reason, hint in unmatched]
