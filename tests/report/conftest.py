"""The made-up verification of `specimen.py`, for tests that open it in a browser."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def specimen() -> ModuleType:
    spec = importlib.util.spec_from_file_location("specimen", Path(__file__).with_name("specimen.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
