"""Profiles: which controls a town holds itself to, and with which values."""

from __future__ import annotations

from collections.abc import Mapping
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


class Profile(Declared):
    """A choice of controls (ids, or globs such as `ssh/*`) and the values that differ (`params`, by control id)."""

    name: str
    title: Text
    controls: tuple[str, ...]
    params: dict[str, dict[str, Any]] = {}


def load_profile(root: Path, name: str, controls: Mapping[str, Control]) -> dict[str, Control]:
    """Read `root/compliance/profiles/<name>.yml` and return its controls by id, their values set; raise InvalidCity."""
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
    return chosen


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
