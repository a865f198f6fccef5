"""The pure rooms give the same answer anywhere: nothing in them reaches a clock, a process or a network."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"
PURE = (
    "city",
    "control",
    "coverage",
    "desired",
    "framework",
    "gate",
    "judge",
    "kinds",
    "network",
    "plan",
    "planned",
    "policy",
    "probe",
    "profile",
    "register",
    "remedy",
    "replaced",
    "report",
    "review",
    "rules",
    "schemas",
    "verdict",
    "violation",
    "waiver",
)
FORBIDDEN = {
    "ansible_runner",
    "asyncio",
    "pulumi",
    "random",
    "requests",
    "secrets",
    "socket",
    "subprocess",
    "testinfra",
    "time",
    "urllib",
    "uuid",
}
CLOCK = {"date.today", "datetime.now", "datetime.today", "datetime.utcnow"}


def _modules() -> dict[str, Path]:
    found = {}
    for path in sorted((SOURCE / "beffroi").rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = _modules()


def _at_run_time(node: ast.AST) -> Iterator[ast.AST]:
    """Yield every node below `node` but what stands under `if TYPE_CHECKING`."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            continue
        yield child
        yield from _at_run_time(child)


@cache
def _nodes(name: str) -> tuple[ast.AST, ...]:
    return tuple(_at_run_time(ast.parse(MODULES[name].read_text("utf-8"))))


def _imported(name: str, node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        package = name if MODULES[name].name == "__init__.py" else name.rpartition(".")[0]
        for _ in range(node.level - 1):
            package = package.rpartition(".")[0]
        origin = ".".join(filter(None, (package, node.module))) if node.level else str(node.module)
        yield origin
        yield from (f"{origin}.{alias.name}" for alias in node.names if f"{origin}.{alias.name}" in MODULES)


@cache
def _imports(name: str) -> frozenset[str]:
    return frozenset(found for node in _nodes(name) for found in _imported(name, node))


@cache
def _reached(room: str) -> set[str]:
    waiting = [name for name in MODULES if name == f"beffroi.{room}" or name.startswith(f"beffroi.{room}.")]
    reached: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name in MODULES and name not in reached:
            reached.add(name)
            waiting += [*_imports(name), name.rpartition(".")[0]]
    return reached


@pytest.mark.parametrize("room", PURE)
def test_a_pure_room_exists(room: str) -> None:
    assert f"beffroi.{room}" in MODULES


@pytest.mark.parametrize("room", PURE)
def test_a_pure_room_reaches_nothing_that_acts(room: str) -> None:
    acting = {
        f"{name} imports {found}"
        for name in _reached(room)
        for found in _imports(name)
        if found.partition(".")[0] in FORBIDDEN
    }
    assert not acting


@pytest.mark.parametrize("room", PURE)
def test_a_pure_room_reads_no_clock(room: str) -> None:
    read = {
        f"{name}:{node.lineno}"
        for name in _reached(room)
        for node in _nodes(name)
        if isinstance(node, ast.Attribute) and ".".join(ast.unparse(node).split(".")[-2:]) in CLOCK
    }
    assert not read
