"""The made-up verification and the judged change of the specimens, for tests that open them in a browser."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from chromium_reader import Reader, reader_of


@pytest.fixture(scope="session")
def specimen() -> ModuleType:
    return _module("specimen")


@pytest.fixture(scope="session")
def gate_specimen() -> ModuleType:
    return _module("gate_specimen")


@pytest.fixture
def reader(folder: Path, tmp_path: Path) -> Reader:
    """Return a browser on the pages that a module's own `folder` fixture made."""
    return reader_of(folder, tmp_path / "profile")


def _module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
