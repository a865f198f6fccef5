"""Three files joined by one name: a kind, its role with what breaks it, and the controls that use it."""

from __future__ import annotations

import ast
from inspect import getsource
from pathlib import Path
from typing import Any

import pytest
import yaml

from beffroi import kinds
from beffroi.control import load_controls
from beffroi.converge import ROLE_ORDER

ROOT = Path(__file__).parents[2]
KINDS = kinds.names()
CONTROLS = load_controls(ROOT)
PARTS = "module_utils"
"""What the roles' modules share: a folder beside the roles, and none of them."""
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir() if path.is_dir() and path.name != PARTS)


def _yaml(path: Path) -> Any:  # noqa: ANN401 - whatever the file holds
    return yaml.safe_load(path.read_text("utf-8"))


def test_every_role_is_a_kind() -> None:
    assert not set(ROLES) - set(KINDS)


def test_the_order_of_roles_names_kinds_alone() -> None:
    assert not set(ROLE_ORDER) - set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_has_its_place_in_the_order_of_roles(kind: str) -> None:
    assert kind in ROLE_ORDER


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_has_the_face_of_a_kind(kind: str) -> None:
    module = kinds.load(kind)
    for word in ("Params", "Setting", "expected", "observe", "judge"):
        assert hasattr(module, word), f"{kind} has no {word}"


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_that_is_asked_once_for_all_machines_looks_at_none(kind: str) -> None:
    module = kinds.load(kind)
    looks = any(
        isinstance(node, ast.Name) and node.id == "site" for node in ast.walk(ast.parse(getsource(module.expected)))
    )
    # Neither way: a kind that looks at no machine and does not say so makes a large town wait.
    assert looks != getattr(module, "EVERYWHERE", False)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_has_a_role_that_enforces(kind: str) -> None:
    tasks = _yaml(ROOT / "roles" / kind / "tasks" / "main.yml")
    assert isinstance(tasks, list)
    assert tasks


@pytest.mark.parametrize("kind", KINDS)
def test_a_role_types_the_settings_that_its_kind_gives(kind: str) -> None:
    specs = _yaml(ROOT / "roles" / kind / "meta" / "argument_specs.yml")["argument_specs"]
    settings = specs["main"]["options"][f"{kind}_settings"]
    assert (settings["type"], settings["elements"]) == ("list", "dict")


@pytest.mark.parametrize("kind", KINDS)
def test_a_role_types_the_very_fields_of_a_setting(kind: str) -> None:
    specs = _yaml(ROOT / "roles" / kind / "meta" / "argument_specs.yml")["argument_specs"]
    fields = specs["main"]["options"][f"{kind}_settings"].get("options")
    assert fields is not None, "options: is missing below the settings"
    assert set(fields) == set(kinds.load(kind).Setting.model_fields)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_has_a_sabotage(kind: str) -> None:
    breaks = sorted((ROOT / "roles" / kind / "tasks" / "breaks").glob("*.yml"))
    # What the lab cannot show it cannot break: tests/break_it holds that such a kind passes nowhere there.
    assert bool(breaks) != bool(getattr(kinds.load(kind), "NOT_IN_THE_LAB", ""))
    assert all(isinstance(_yaml(path), list) and _yaml(path) for path in breaks)


@pytest.mark.parametrize("kind", KINDS)
def test_a_role_takes_few_actions(kind: str) -> None:
    # An action costs about 0.3 s a host: a role applies its whole list in a few.
    assert len(_yaml(ROOT / "roles" / kind / "tasks" / "main.yml")) <= 3


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_serves_a_control(kind: str) -> None:
    assert kind in {control.kind for control in CONTROLS.values()}


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_has_its_unit_tests(kind: str) -> None:
    assert (ROOT / "tests" / "unit" / "kinds" / f"test_{kind}.py").is_file()
