"""What a service may do beyond its work: systemd's sandbox, unit by unit (systemd.exec(5)).

Looked at: the properties that systemd applies, drop-ins and run-time overrides included, and the running process
itself, which may be older than the properties.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, StringConstraints

from beffroi.kinds import KindModel, SettingModel, Site
from beffroi.kinds._findings import finding as _finding
from beffroi.verdict import Finding

from ._order import Answer, Order, each, lacks, unordered, words
from ._sections import look
from ._units import units_shown

if TYPE_CHECKING:
    from testinfra.host import Host as LiveHost

UnitName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9@_-]+\.service$", max_length=100)]
Property = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Za-z]+$", max_length=40)]
Value = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_ -]*$", max_length=400)]


_LISTS = frozenset({"CapabilityBoundingSet", "AmbientCapabilities"})
"""Properties that list all that is left to the service."""

_FAMILIES = "RestrictAddressFamilies"
"""This one too, but that an empty list restricts nothing."""


class Params(KindModel):
    """A service, and the properties that it must have, with the values that `systemctl show` prints."""

    unit: UnitName
    properties: Annotated[dict[Property, Value], Field(min_length=1)]


class Setting(SettingModel):
    """One service and its sandbox."""

    unit: str
    properties: dict[str, str]

    @property
    def key(self) -> str:
        """Return the service's name."""
        return self.unit


EVERYWHERE = True


def expected(params: Params, site: Site) -> list[Setting]:  # noqa: ARG001 - the same on every machine
    """Return the service's sandbox."""
    return [Setting(unit=params.unit, properties=params.properties)]


def weakened(before: Params, after: Params) -> Answer:
    """Tell whether the service or one of its properties is given up, or a property confines less."""
    return each(before.properties, after.properties, _order) if before.unit == after.unit else True


def _order(name: str) -> Order:
    if name in _LISTS:
        return _more_words
    if name == _FAMILIES:
        return lambda before, after: bool(before) and (not after or _more_words(before, after))
    if name == "ProtectSystem":
        return words("no", "yes", "full", "strict")
    if name == "ProtectHome":
        return words("no", "read-only", "tmpfs", "yes")
    confines = name.startswith(("Private", "Protect", "Restrict", "Lock", "Memory", "NoNew"))
    return words("no", "yes") if confines else unordered


def _more_words(before: str, after: str) -> bool:
    return lacks(after.split(), before.split())


def observe(host: LiveHost, settings: Sequence[Setting]) -> dict[str, Any]:
    """Ask systemd about all the services at once, and the kernel about their main processes."""
    asked = sorted({name for setting in settings for name in setting.properties})
    shown = f"systemctl show -p Id,LoadState,ActiveState,NeedDaemonReload,{','.join(asked)}"
    privileges = "; ".join(
        f"printf '{setting.unit} '; pid=$(systemctl show -p MainPID --value {setting.unit}); "
        'if [ "$pid" -gt 0 ]; then sed -n \'s/^NoNewPrivs:[[:space:]]*//p\' "/proc/$pid/status"; else echo -; fi'
        for setting in settings
    )
    units = " ".join(setting.unit for setting in settings)
    seen = look(host, {"units": f"{shown} {units}", "privileges": privileges})
    return {
        "units": units_shown(seen["units"].text),
        "no-new-privileges": dict(line.split() for line in seen["privileges"].lines()),
    }


def judge(settings: Sequence[Setting], facts: dict[str, Any]) -> list[Finding]:
    """Judge that each service runs, and runs inside its sandbox."""
    return [finding for setting in settings for finding in _judge(setting, facts)]


def _judge(setting: Setting, facts: dict[str, Any]) -> Iterator[Finding]:
    unit = facts["units"].get(setting.unit, {})
    active = unit.get("ActiveState", "unknown")
    yield _finding(active == "active", setting.unit, "active", active)
    reload = unit.get("NeedDaemonReload", "unknown")
    yield _finding(reload == "no", f"{setting.unit}: changed on disk since it was read", "no", reload)
    for name, value in setting.properties.items():
        found = unit.get(name, "(unset)")
        yield _finding(_words(found) == _words(value), f"{setting.unit}: {name}", value, found)
    if setting.properties.get("NoNewPrivileges") == "yes":
        found = facts["no-new-privileges"].get(setting.unit, "-")
        yield _finding(found == "1", f"{setting.unit}: running process cannot gain privileges", "1", found)


def _words(value: str) -> set[str]:
    return set(value.lower().split())
