"""Which packages are on a machine and which must not be, as dpkg knows them (dpkg-query(1))."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import StringConstraints, model_validator

from beffroi.errors import CouldNotLook
from beffroi.kinds import KindModel, SettingModel, Site
from beffroi.messages import say
from beffroi.verdict import Finding, Outcome

from ._asking import ask
from ._order import lacks

if TYPE_CHECKING:
    from testinfra.host import Host as LiveHost

_UNKNOWN_ONES = 1
"""dpkg-query's status when it knows nothing of some of the packages."""

PackageName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9+.-]+$", max_length=100)]
"""A package's name (Debian policy, section 5.6.1)."""


class Params(KindModel):
    """Packages that must be `installed`, and packages that must be `absent`."""

    installed: tuple[PackageName, ...] = ()
    absent: tuple[PackageName, ...] = ()

    @model_validator(mode="after")
    def _names_each_package_once(self) -> Self:
        if not self.installed + self.absent or set(self.installed) & set(self.absent):
            raise ValueError(say("kinds-a-packages"))
        return self


class Setting(SettingModel):
    """One package, and whether it is to be there."""

    name: PackageName
    state: Literal["installed", "absent"]

    @property
    def key(self) -> str:
        """Return the package."""
        return self.name


EVERYWHERE = True


def expected(params: Params, site: Site) -> list[Setting]:  # noqa: ARG001 - the same on every machine
    """Return a setting for each package."""
    installed = [Setting(name=name, state="installed") for name in params.installed]
    return installed + [Setting(name=name, state="absent") for name in params.absent]


def weakened(before: Params, after: Params) -> bool:
    """Tell whether a package need no longer be installed, or absent."""
    return lacks(before.installed, after.installed) or lacks(before.absent, after.absent)


def observe(host: LiveHost, settings: list[Setting]) -> dict[str, Any]:
    """Return dpkg's status of each package that it knows."""
    names = " ".join(sorted({setting.name for setting in settings}))
    command = f"dpkg-query --show --showformat='${{Package}} ${{db:Status-Status}}\\n' {names} 2>/dev/null"
    statuses = {}
    for line in ask(host, command, accepted=(0, _UNKNOWN_ONES)).splitlines():
        name, separator, status = line.partition(" ")
        if not separator:
            raise CouldNotLook(say("kinds-a-unreadable", line=line))
        statuses[name] = status
    return {"packages": statuses}


def judge(settings: list[Setting], facts: dict[str, Any]) -> list[Finding]:
    """Compare each package's status with what it should be."""
    return [_finding(setting, facts["packages"].get(setting.name, "not-installed")) for setting in settings]


def _finding(setting: Setting, status: str) -> Finding:
    # Configuration left behind runs nothing; a package half removed may.
    gone = status in ("not-installed", "config-files")
    right = status == "installed" if setting.state == "installed" else gone
    return Finding(
        outcome=Outcome.PASS if right else Outcome.FAIL,
        subject=setting.name,
        expected=setting.state,
        observed=status,
    )
