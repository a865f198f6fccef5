from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow  # each starts processes of its own

SAY_WHEN_GRPC_COMES = """
import os, sys

class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "grpc":
            print(os.environ.get("GRPC_ENABLE_FORK_SUPPORT"))

sys.meta_path.insert(0, Watch())
import {module}
"""


@pytest.mark.parametrize("module", ["beffroi.program", "beffroi.stack", "beffroi.provider.plugin"])
def test_grpc_is_told_to_leave_forks_alone_before_it_is_imported(module: str) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "GRPC_ENABLE_FORK_SUPPORT"}
    argv = [sys.executable, "-c", SAY_WHEN_GRPC_COMES.format(module=module)]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60, check=True)
    assert set(done.stdout.split()) <= {"false"}
    assert module == "beffroi.provider.plugin" or done.stdout
