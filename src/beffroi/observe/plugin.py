"""`pytest --hosts=beffroi://...`: any testinfra suite, its files unchanged, over the batching backend.

Before the first test, the checks are run ahead (`ahead`) and what they ask is answered in a few exchanges; then pytest
runs them as it always does. After a test that acted on a host, what lies ahead of it is asked anew.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import pytest
import testinfra.backend

from beffroi.messages import say

_MOST_REFRESHES = 8
"""How often what lies ahead of a test that acted is asked anew; a suite that acts all the time is better left alone."""

testinfra.backend.BACKENDS["beffroi"] = "beffroi.observe.backend.BatchingBackend"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--no-ahead`."""
    group = parser.getgroup("beffroi")
    group.addoption("--no-ahead", action="store_true", default=False, help=say("ahead-option"))


@pytest.hookimpl(trylast=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Begin to connect as soon as a host is named: it takes as long as collecting the tests does."""
    backend = sys.modules.get("beffroi.observe.backend")
    if backend and _asks_ahead(metafunc.config):
        backend.open_all()


def _asks_ahead(config: pytest.Config) -> bool:
    return not config.option.collectonly and not config.getoption("--no-ahead")


class _Ahead:
    """Runs a session's tests ahead of their time, and again after one that acted."""

    def __init__(self, items: Sequence[pytest.Item]) -> None:
        self._items = list(items)
        self._refreshes = 0
        self._run(self._items)

    def _run(self, items: Sequence[pytest.Item]) -> None:
        from .ahead import run_ahead  # noqa: PLC0415 - greenlets only where they are used
        from .suite import bodies  # noqa: PLC0415

        run_ahead(bodies(items))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> None:
        """Begin another check; ask anew what lies ahead of it when an earlier one acted on its host."""
        from .suite import backend_of  # noqa: PLC0415

        backend = backend_of(item)
        if backend is None:
            return
        backend.known.begin_check()
        if backend.known.stale and self._refreshes < _MOST_REFRESHES:
            self._refreshes += 1
            backend.known.stale = False
            ahead = self._items[self._items.index(item) :]
            self._run([it for it in ahead if backend_of(it) is backend])


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Ask ahead what the session's tests will ask, if one of them is about a host behind our backend."""
    used = "beffroi.observe.backend" in sys.modules
    if used and _asks_ahead(session.config):
        session.config.pluginmanager.register(_Ahead(session.items), "beffroi-ahead")


def pytest_unconfigure() -> None:
    """End the connections."""
    if backend := sys.modules.get("beffroi.observe.backend"):
        backend.close_all()
