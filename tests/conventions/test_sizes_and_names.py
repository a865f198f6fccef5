"""Small files, small functions, names that say what a thing is."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted([*(ROOT / "src").rglob("*.py"), *(ROOT / "roles").rglob("*.py"), *(ROOT / "stacks").rglob("*.py")])
FILE_LINES, FUNCTION_LINES, STACK_LINES = 300, 40, 15
REFUSED = {"manager", "helper", "util", "handler", "base", "common", "data", "info"}


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def _words(name: str) -> set[str]:
    name = name.replace("personal_data", "").replace("PersonalData", "")  # the GDPR's own term (article 4)
    words = re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", name)
    return {form for word in words for form in (word.lower(), word.lower().removesuffix("s"))}


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_files_are_small() -> None:
    assert [_shown(path) for path in FILES if len(path.read_text("utf-8").splitlines()) > FILE_LINES] == []


def test_functions_are_small() -> None:
    long = [
        f"{_shown(path)}: {node.name}: {node.end_lineno - node.lineno + 1} lines"
        for path in FILES
        for node in ast.walk(_tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > FUNCTION_LINES
    ]
    assert long == []


def test_no_name_says_nothing() -> None:
    named = [(path, path.stem) for path in FILES]
    named += [(path, node.name) for path in FILES for node in ast.walk(_tree(path)) if isinstance(node, ast.ClassDef)]
    assert [f"{_shown(path)}: {name}" for path, name in named if _words(name) & REFUSED] == []


def test_modules_say_what_they_are() -> None:
    silent = [path for path in FILES if path.read_text("utf-8").strip() and not ast.get_docstring(_tree(path))]
    assert [_shown(path) for path in silent] == []


@pytest.mark.parametrize("path", sorted((ROOT / "stacks").glob("*/__main__.py")), ids=lambda path: path.parent.name)
def test_a_stack_is_a_few_lines(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) < STACK_LINES


def test_an_inventory_folder_holds_no_program() -> None:
    # Ansible would take a `.py` file there for a host.
    assert not [path for path in (ROOT / "inventory").rglob("*") if path.is_file() and path.suffix != ".yml"]
