"""Small files, small functions, names that say what a thing is."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted([*(ROOT / "src").rglob("*.py"), *(ROOT / "roles").rglob("*.py"), *(ROOT / "stacks").rglob("*.py")])
EACH = pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
FILE_LINES, FUNCTION_LINES, STACK_LINES = 300, 40, 15
REFUSED = {"manager", "helper", "util", "handler", "base", "common", "data", "info"}


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def _words(name: str) -> set[str]:
    name = name.replace("personal_data", "").replace("PersonalData", "")  # the GDPR's own term (article 4)
    words = re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", name)
    return {form for word in words for form in (word.lower(), word.lower().removesuffix("s"))}


@EACH
def test_a_file_is_small(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= FILE_LINES


@EACH
def test_functions_are_small(path: Path) -> None:
    long = [
        f"{node.name}: {node.end_lineno - node.lineno + 1} lines"
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > FUNCTION_LINES
    ]
    assert not long


@EACH
def test_no_name_says_nothing(path: Path) -> None:
    classes = [node.name for node in ast.walk(_tree(path)) if isinstance(node, ast.ClassDef)]
    assert not [name for name in (path.stem, *classes) if _words(name) & REFUSED]


@EACH
def test_a_module_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(_tree(path)) or not path.read_text("utf-8").strip()


@pytest.mark.parametrize("path", sorted((ROOT / "stacks").glob("*/__main__.py")), ids=lambda path: path.parent.name)
def test_a_stack_is_a_few_lines(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) < STACK_LINES


def test_an_inventory_folder_holds_no_program() -> None:
    # Ansible would take a `.py` file there for a host.
    assert not [path for path in (ROOT / "inventory").rglob("*") if path.is_file() and path.suffix != ".yml"]
