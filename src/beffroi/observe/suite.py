"""What a pytest suite would ask its hosts, without running it: test functions, called with what their fixtures give."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeGuard

import pytest
from testinfra.host import Host as LiveHost

from .ahead import Body
from .backend import BatchingBackend, NotAhead

_HOST = "_testinfra_host"
"""The fixture on which testinfra's `host` stands, and which it parametrizes."""


def bodies(items: Iterable[pytest.Item]) -> dict[BatchingBackend, list[Body]]:
    """Return, for each host behind our backend, the checks of `items` that can be run ahead of their time."""
    found: dict[BatchingBackend, list[Body]] = {}
    for item in items:
        if (backend := backend_of(item)) is not None and _can_be_called(item):
            found.setdefault(backend, []).append(partial(_call, item))
    return found


def backend_of(item: pytest.Item) -> BatchingBackend | None:
    """Return the backend of the host that a test is about, if it is ours."""
    backend = getattr(_parameters(item).get(_HOST), "backend", None)
    return backend if isinstance(backend, BatchingBackend) else None


def _parameters(item: pytest.Item) -> dict[str, Any]:
    return getattr(getattr(item, "callspec", None), "params", {})


def _can_be_called(item: pytest.Item) -> TypeGuard[pytest.Function]:
    plain = isinstance(item, pytest.Function) and not inspect.iscoroutinefunction(item.function)
    return plain and item.get_closest_marker("skip") is None


def _call(item: pytest.Function, host: LiveHost) -> object:
    # An instance of its own: what a test leaves in it is for itself alone.
    function = getattr(item.cls(), item.originalname) if item.cls is not None else item.function
    values = _Values(item, host)
    return function(**{name: values.of(name) for name in item._fixtureinfo.argnames})  # noqa: SLF001 - pytest has no other way


@dataclass(frozen=True)
class _Values:
    """What the fixtures of a test give: parameters, and plain functions of other fixtures. Nothing is set up."""

    item: pytest.Function
    host: LiveHost

    def of(self, name: str, within: tuple[str, ...] = ()) -> object:
        """Return a fixture's value; raise NotAhead where pytest itself has to give it."""
        if name == _HOST:
            return self.host
        definitions = self.item._fixtureinfo.name2fixturedefs.get(name, ())  # noqa: SLF001
        if not definitions or name in within:
            raise NotAhead
        definition = definitions[-1]
        if definition.func.__name__ == "get_direct_param_fixture_func":
            return _parameters(self.item)[name]
        if inspect.isgeneratorfunction(definition.func) or inspect.iscoroutinefunction(definition.func):
            raise NotAhead
        if definition.params is not None or inspect.ismethod(definition.func):
            raise NotAhead
        return definition.func(**{needed: self.of(needed, (*within, name)) for needed in definition.argnames})
