"""A bench for the real Pulumi engine: a stack in a directory, our provider attached to it from this process."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from beffroi.provider.serve import serve

# Tests are not a package; what they share stands beside them.
sys.path.insert(0, str(Path(__file__).parent))

from bench import Bench
from cupboard import cupboard
from town import Town


@pytest.fixture(scope="session")
def pulumi_cli() -> Path:
    """The CLI: $BEFFROI_PULUMI, else on PATH, else where scripts/setup put it. Without it a test fails, never skips."""
    named = os.environ.get("BEFFROI_PULUMI") or shutil.which("pulumi")
    cached = sorted((Path.home() / ".cache/beffroi/pulumi").glob("*/bin/pulumi"))
    found = [Path(named)] if named else cached
    if not found:
        pytest.fail("no Pulumi CLI: run scripts/setup --all, or set BEFFROI_PULUMI")
    return found[-1]


@pytest.fixture
def bench(tmp_path: Path, pulumi_cli: Path) -> Iterator[Bench]:
    service = serve(cupboard())
    bench = Bench(tmp_path, pulumi_cli, {"PULUMI_DEBUG_PROVIDERS": f"cupboard:{service.port}"})
    yield bench
    service.stop(grace=0)
    bench.close()


@pytest.fixture
def town(tmp_path: Path, pulumi_cli: Path) -> Town:
    return Town(tmp_path, pulumi_cli)
