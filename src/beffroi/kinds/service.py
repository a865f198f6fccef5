"""Which units run and start at boot, and which never do, as systemd sees them (systemctl(1))."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, StringConstraints

from beffroi.errors import CouldNotLook
from beffroi.kinds import KindModel, SettingModel, Site
from beffroi.messages import say
from beffroi.verdict import Finding, Outcome

from ._asking import ask
from ._order import Answer, each, words

if TYPE_CHECKING:
    from testinfra.host import Host as LiveHost

_PROPERTIES = ("Id", "LoadState", "ActiveState", "UnitFileState")
_STARTS_AT_BOOT = frozenset({"enabled", "static", "alias", "indirect", "generated"})
_RUNS = frozenset({"active", "activating", "reloading"})

Unit = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9@_.-]+\.(service|socket|timer|target|path)$", max_length=120)
]


class State(StrEnum):
    """What a unit is to be."""

    RUNNING = "running"
    """It runs now, and at every boot."""
    DISABLED = "disabled"
    """It does not run, and does not start at boot; a machine without it is fine."""
    MASKED = "masked"
    """It cannot be started at all."""


class Params(KindModel):
    """Units and what each is to be."""

    units: Annotated[dict[Unit, State], Field(min_length=1)]


class Setting(SettingModel):
    """One unit and what it is to be."""

    unit: Unit
    state: State

    @property
    def key(self) -> str:
        """Return the unit."""
        return self.unit


EVERYWHERE = True


def expected(params: Params, site: Site) -> list[Setting]:  # noqa: ARG001 - the same on every machine
    """Return a setting for each unit."""
    return [Setting(unit=unit, state=state) for unit, state in params.units.items()]


def weakened(before: Params, after: Params) -> Answer:
    """Tell whether a unit is given up, or may do what it may not: a unit that must run and one that must not differ."""
    order = words(State.DISABLED, State.MASKED)
    runs = {unit for unit, state in before.units.items() if state is State.RUNNING}
    stays = all(after.units.get(unit) is State.RUNNING for unit in runs)
    stopped = {unit: state.value for unit, state in before.units.items() if unit not in runs}
    allowed = {unit: state.value for unit, state in after.units.items() if state is not State.RUNNING}
    return each(stopped, allowed, lambda _: order) if stays else True


def observe(host: LiveHost, settings: list[Setting]) -> dict[str, Any]:
    """Return systemd's view of each unit."""
    units = sorted({setting.unit for setting in settings})
    answer = ask(host, f"systemctl show --property={','.join(_PROPERTIES)} -- {' '.join(units)}")
    blocks = answer.strip().split("\n\n")
    if len(blocks) != len(units):
        raise CouldNotLook(say("kinds-a-cut-short", asked=len(units), answered=len(blocks)))
    # systemd answers in the order asked, and calls an alias by its unit's name: the order tells which is which.
    return {"units": {unit: _properties(block) for unit, block in zip(units, blocks, strict=True)}}


def _properties(block: str) -> dict[str, str]:
    properties = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
    if missing := set(_PROPERTIES) - set(properties):
        raise CouldNotLook(say("kinds-a-unreadable", line=", ".join(sorted(missing))))
    return properties


def judge(settings: list[Setting], facts: dict[str, Any]) -> list[Finding]:
    """Compare each unit with what it is to be."""
    return [_finding(setting, facts["units"][setting.unit]) for setting in settings]


def _finding(setting: Setting, unit: dict[str, str]) -> Finding:
    return Finding(
        outcome=Outcome.PASS if _is(setting.state, unit) else Outcome.FAIL,
        subject=setting.unit,
        expected=setting.state.value,
        observed=f"{unit['LoadState']}, {unit['ActiveState']}, {unit['UnitFileState'] or 'no unit file'}",
    )


def _is(state: State, unit: dict[str, str]) -> bool:
    runs, at_boot = unit["ActiveState"] in _RUNS, unit["UnitFileState"] in _STARTS_AT_BOOT
    if state is State.RUNNING:
        return runs and at_boot and unit["LoadState"] == "loaded"
    if state is State.MASKED:
        return not runs and unit["LoadState"] == "masked" and unit["UnitFileState"] == "masked"
    # What another unit may pull in (`static`) is not started at boot by itself.
    return not runs and not unit["UnitFileState"].startswith("enabled")
