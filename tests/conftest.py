"""In CI nothing is left out unseen: there, a test that skips itself has failed. And the towns that lab tests share."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TypeVar

import pytest
from towns import LabTown, new_town

_Report = TypeVar("_Report", pytest.TestReport, pytest.CollectReport)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    return _refuse_skip(report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    return _refuse_skip(report)


def _refuse_skip(report: _Report) -> _Report:
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"CI leaves nothing out, and this was: {reason}"
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep what uses machines, Pulumi or a browser in one process: they share what they start, and measure time."""
    for item in items:
        if any(item.get_closest_marker(name) for name in ("lab", "pulumi", "chromium")):
            item.add_marker(pytest.mark.xdist_group("machines"))


@pytest.fixture(scope="session")
def hamlet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabTown]:
    """The hamlet, applied once: four real machines that tests break and mend."""
    town = new_town(Path("tests/cases/hamlet"), "hamlet", tmp_path_factory.mktemp("hamlet"))
    done = town.apply()
    try:
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-6000:]
        yield town
    finally:
        town.beffroi("lab", "down")
    assert town.leftovers() == []
