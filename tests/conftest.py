"""In CI nothing is left out unseen: there, a test that skips itself has failed. And the towns that lab tests share."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from functools import cache
from pathlib import Path
from typing import TypeVar

import pytest
from towns import LabTown, new_town
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

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


ON_MACHINES = frozenset({"break_it", "lab", "pulumi", "report"})
"""The folders of what uses machines, Pulumi or a browser."""


class _MachinesTogether(LoadScopeScheduling):
    """One process for all that shares the hamlet, one for all else on machines; the rest a file at a time.

    Not `--dist loadgroup`: pytest-xdist 3.8 writes the group into a name that pytest 9.2 no longer reads.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        if Path(file).parts[1] not in ON_MACHINES:
            return file
        return "hamlet" if _shares_the_hamlet(file) else "machines"


@cache
def _shares_the_hamlet(file: str) -> bool:
    return "hamlet: LabTown" in Path(file).read_text("utf-8")


@pytest.hookimpl(optionalhook=True)  # some tests run pytest with this very file, and without pytest-xdist
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling | None:
    return _MachinesTogether(config, log) if config.getoption("dist") == "loadscope" else None


@pytest.fixture(scope="session")
def hamlet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabTown]:
    """The hamlet, applied once: six real machines that tests break and mend."""
    town = new_town(Path("tests/cases/hamlet"), "hamlet", tmp_path_factory.mktemp("hamlet"))
    done = town.apply()
    try:
        assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-6000:]
        yield town
    finally:
        town.beffroi("lab", "down")
    assert town.leftovers() == []
