"""The same two hundred assertions on what one hand-written script printed: as fast as ssh lets it be, and no testinfra.

`OBSERVE_SSH_CONFIG` names the configuration that leads to the host `target`.
"""

from __future__ import annotations

import os
import subprocess

import pytest
from suite_of_200 import ACCOUNTS, FILES, GROUPS, OTHERS_WRITE, PACKAGES, PARAMETERS, UNITS

SCRIPT = f"""
stat -Lc 'F %n %a %U' {" ".join(FILES)} 2>/dev/null
/usr/sbin/sysctl {" ".join(PARAMETERS)} 2>/dev/null | sed 's/^/K /'
dpkg-query -f 'P ${{Package}} ${{Status}}\\n' -W {" ".join(PACKAGES)} 2>/dev/null
for unit in {" ".join(UNITS)}; do echo "U $unit $(systemctl is-enabled "$unit" 2>/dev/null)"; done
getent passwd {" ".join(ACCOUNTS)} | sed 's/^/A /'
getent group {" ".join(GROUPS)} | sed 's/^/G /'
"""


@pytest.fixture(scope="session")
def seen() -> dict[str, dict[str, list[str]]]:
    argv = ["ssh", "-F", os.environ["OBSERVE_SSH_CONFIG"], "-T", "target", "exec /bin/sh"]
    said = subprocess.run(argv, input=SCRIPT, capture_output=True, text=True, check=True).stdout
    found: dict[str, dict[str, list[str]]] = {sort: {} for sort in "FKPUAG"}
    for line in said.splitlines():
        sort, rest = line[0], line[2:]
        name, *fields = rest.split(" = " if sort == "K" else ":" if sort in "AG" else " ")
        found[sort][name] = fields
    return found


@pytest.mark.parametrize("path", FILES)
def test_a_file_belongs_to_root(seen: dict[str, dict[str, list[str]]], path: str) -> None:
    assert seen["F"][path][1] == "root"


@pytest.mark.parametrize("path", FILES)
def test_a_file_is_not_written_by_others(seen: dict[str, dict[str, list[str]]], path: str) -> None:
    assert not int(seen["F"][path][0], 8) & OTHERS_WRITE or path == "/tmp"


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_kernel_parameter_has_a_value(seen: dict[str, dict[str, list[str]]], name: str) -> None:
    assert seen["K"][name] != [""]


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_is_installed(seen: dict[str, dict[str, list[str]]], name: str) -> None:
    assert seen["P"][name] == ["install", "ok", "installed"]


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_is_not_masked(seen: dict[str, dict[str, list[str]]], name: str) -> None:
    assert "masked" not in seen["U"][name]


@pytest.mark.parametrize("name", ACCOUNTS)
def test_an_account_exists(seen: dict[str, dict[str, list[str]]], name: str) -> None:
    assert name in seen["A"]


@pytest.mark.parametrize("name", ACCOUNTS)
def test_an_account_has_its_shell(seen: dict[str, dict[str, list[str]]], name: str) -> None:
    assert seen["A"][name][-1].startswith("/")


@pytest.mark.parametrize("name", GROUPS)
def test_a_group_exists(seen: dict[str, dict[str, list[str]]], name: str) -> None:
    assert name in seen["G"]
