"""Hosts of one stage share a play: a role's task is met by hosts that ask nothing of the role, too."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROLES = Path(__file__).parents[2] / "roles"
TASKS = sorted(path.relative_to(ROLES).as_posix() for path in ROLES.glob("*/tasks/**/*.yml"))


@pytest.mark.parametrize("name", TASKS)
def test_what_ansible_reads_before_when_bears_missing_settings(name: str) -> None:
    lines = re.findall(r"^ *(?:loop|delegate_to): *(.*_settings.*)$", (ROLES / name).read_text("utf-8"), re.MULTILINE)
    assert [line for line in lines if "default(" not in line] == []
