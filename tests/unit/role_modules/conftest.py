"""The parts that role modules share, imported by the names under which Ansible hands them to modules."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

PARTS = Path(__file__).parents[3] / "roles" / "module_utils"


@pytest.fixture(name="part")
def _part(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    package = import_module("ansible.module_utils")
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(PARTS)])
    return lambda name: import_module(f"ansible.module_utils.{name}")
