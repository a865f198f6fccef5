"""A pytest plugin: `pytest --city inventory/bourg-sur-gave` makes each control on each machine a test item.

A town's own testinfra tests live in `compliance/suites/`: with `--city` they run on every machine through testinfra's
`host` fixture, over the same known hosts and the same bastion.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from beffroi.verdict import Outcome, Verdict

if TYPE_CHECKING:
    from beffroi.apply import Works


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Add `--city` and `--city-stack`, and the backend `beffroi://` with its own options."""
    pluginmanager.import_plugin("beffroi.observe.plugin")
    group = parser.getgroup("beffroi")
    group.addoption("--city", type=Path, default=None, help="verify the town declared in this folder")
    group.addoption("--city-stack", default=None, help="name of the stack and of its lab (the town's by default)")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Send testinfra's own tests to the town's machines, unless `--hosts` says otherwise."""
    folder = config.getoption("--city", default=None)
    if folder is None:
        return
    works = _works(folder, config.getoption("--city-stack"))
    if not config.option.hosts:
        names = works.declared.desired.hosts()
        config.option.hosts = ",".join(f"beffroi://{name}?ssh_config={works.ssh_config}&sudo=true" for name in names)
    config.stash[_WORKS] = works


_WORKS: pytest.StashKey[Works] = pytest.StashKey()


def pytest_collection(session: pytest.Session) -> None:
    """Add the town's suites to what is collected when nothing else was asked for."""
    works = session.config.stash.get(_WORKS, None)
    if works and session.config.args_source != pytest.Config.ArgsSource.ARGS:
        session.config.args = [str(works.declared.root / "compliance" / "suites")]


def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    """Add one item a control and machine."""
    works = session.config.stash.get(_WORKS, None)
    if works is not None:
        items.extend(CityControls.from_parent(session, name=works.state.name, works=works).collect())


class CityControls(pytest.Collector):
    """The town's controls, looked at once for all items."""

    def __init__(self, *, works: Works, **rest: object) -> None:
        super().__init__(**rest)  # type: ignore[arg-type]
        self._works = works
        self._verdicts: dict[tuple[str, str], Verdict] | None = None

    def collect(self) -> Iterator[ControlItem]:
        """Yield one item a check."""
        for check in self._works.declared.desired.checks:
            yield ControlItem.from_parent(self, name=f"{check.host}::{check.control}", key=(check.host, check.control))

    def verdict(self, key: tuple[str, str]) -> Verdict:
        """Return the verdict of (host, control); the first call looks at every machine."""
        if self._verdicts is None:
            run = self._works.verify()
            self._verdicts = {(verdict.host, verdict.control): verdict for verdict in run.verdicts}
        return self._verdicts[key]


class ControlItem(pytest.Item):
    """One control on one machine."""

    parent: CityControls

    def __init__(self, *, key: tuple[str, str], **rest: object) -> None:
        super().__init__(**rest)  # type: ignore[arg-type]
        self._key = key

    def runtest(self) -> None:
        """Pass, skip what does not apply, expect the failure of what is waived, and fail for all else.

        An error is never a pass.
        """
        verdict = self.parent.verdict(self._key)
        if verdict.outcome == Outcome.NOT_APPLICABLE:
            pytest.skip(verdict.reason)
        if verdict.outcome == Outcome.WAIVED:
            pytest.xfail(verdict.reason)
        if verdict.outcome != Outcome.PASS:
            raise NotPassingError(verdict)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: object = None) -> str:  # noqa: ARG002
        """Tell what was expected and what was seen."""
        if not isinstance(excinfo.value, NotPassingError):
            return str(super().repr_failure(excinfo))
        verdict = excinfo.value.verdict
        lines = [f"{verdict.outcome}: {verdict.reason}".rstrip(": ")]
        lines += [
            f"  {found.subject}: expected {found.expected}, observed {found.observed}"
            for found in verdict.findings
            if found.outcome != Outcome.PASS
        ]
        return "\n".join(lines)

    def reportinfo(self) -> tuple[Path, int, str]:
        """Say where the control is written."""
        return Path("compliance/controls") / f"{self._key[1]}.yml", 0, self.name


class NotPassingError(Exception):
    """A control that does not pass."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.reason)
        self.verdict = verdict


def _works(folder: Path, stack: str | None) -> Works:
    from beffroi import declaration  # noqa: PLC0415 - pytest loads this plugin in every project of the environment
    from beffroi.apply import Works  # noqa: PLC0415
    from beffroi.cli.options import progress  # noqa: PLC0415
    from beffroi.policy import load_policies  # noqa: PLC0415
    from beffroi.remedy import mended  # noqa: PLC0415
    from beffroi.state import StackState  # noqa: PLC0415

    declared = declaration.load(folder)
    declared = mended(declared, load_policies(declared.root))
    return Works(declared, StackState(stack or declared.city.town.name), progress(quiet=True))
