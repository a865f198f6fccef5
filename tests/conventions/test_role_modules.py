"""Role modules go to machines that have Python and nothing else: they import its library and the parts they share."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROLES = Path(__file__).parents[2] / "roles"
PARTS = ROLES / "module_utils"
MODULES = sorted(path.relative_to(ROLES).as_posix() for path in [*ROLES.glob("*/library/*.py"), *PARTS.glob("*.py")])
SHIPPED = "ansible.module_utils."


def _imported(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yield each module that is imported, and the name that is taken from it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield from (("." * node.level + (node.module or ""), alias.name) for alias in node.names)


def _defined(part: str) -> set[str]:
    tree = ast.parse((PARTS / f"{part}.py").read_text("utf-8"))
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    return names | {
        ast.unparse(target) for node in tree.body if isinstance(node, ast.Assign) for target in node.targets
    }


def _is_there(module: str, name: str) -> bool:
    if module.partition(".")[0] in sys.stdlib_module_names or (module, name) == (f"{SHIPPED}basic", "AnsibleModule"):
        return True
    part = module.removeprefix(SHIPPED)
    return module.startswith(SHIPPED) and (PARTS / f"{part}.py").is_file() and name in _defined(part)


@pytest.mark.parametrize("name", MODULES)
def test_a_role_module_imports_nothing_that_a_machine_lacks(name: str) -> None:
    tree = ast.parse((ROLES / name).read_text("utf-8"))
    assert [found for found in _imported(tree) if not _is_there(*found)] == []


@pytest.mark.parametrize("part", sorted(path.stem for path in PARTS.glob("*.py")))
def test_a_part_is_shared(part: str) -> None:
    # What one module alone uses stands in that module.
    users = [name for name in MODULES if f"{SHIPPED}{part} import" in (ROLES / name).read_text("utf-8")]
    assert len(users) > 1
