"""The made-up verification and the judged change of the specimens, for tests that open them in a browser."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def specimen() -> ModuleType:
    return _module("specimen")


@pytest.fixture(scope="session")
def gate_specimen() -> ModuleType:
    return _module("gate_specimen")


def _module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
