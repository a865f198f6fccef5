"""What a mounted folder refuses: devices, programs, rights that come with a file (mount(8), proc(5) mountinfo)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, StringConstraints

from beffroi.errors import CouldNotLook
from beffroi.kinds import KindModel, SettingModel, Site
from beffroi.messages import say
from beffroi.verdict import Finding, Outcome

from ._asking import ask
from ._order import lacks

if TYPE_CHECKING:
    from testinfra.host import Host as LiveHost

_FIELDS = 6
"""A line of mountinfo begins with: mount, parent mount, device, root, mount point, the mount's own options."""

_OCTAL = re.compile(r"\\([0-7]{3})")

MountPoint = Annotated[str, StringConstraints(pattern=r"^(/[A-Za-z0-9._-]+)+$", max_length=200)]
Option = Literal["nosuid", "nodev", "noexec"]


class Params(KindModel):
    """A folder that is a mount of its own, and the options that it must have; other options are free."""

    path: MountPoint
    options: Annotated[tuple[Option, ...], Field(min_length=1)]


class Setting(SettingModel):
    """One mount and its options."""

    path: MountPoint
    options: tuple[Option, ...]

    @property
    def key(self) -> str:
        """Return the folder."""
        return self.path


EVERYWHERE = True


def expected(params: Params, site: Site) -> list[Setting]:  # noqa: ARG001 - the same on every machine
    """Return the one setting that `params` names."""
    return [Setting(path=params.path, options=params.options)]


def weakened(before: Params, after: Params) -> bool:
    """Tell whether the folder or one of its options is given up."""
    return before.path != after.path or lacks(before.options, after.options)


def observe(host: LiveHost, settings: list[Setting]) -> dict[str, Any]:
    """Return the options of what is mounted on each folder, uppermost; null where nothing is.

    As the machine's first process has it: whoever looks may be confined, and see all of it read only.
    """
    lines = [line.split(" ") for line in ask(host, "cat /proc/1/mountinfo").splitlines()]
    if not lines or any(len(fields) < _FIELDS for fields in lines):
        raise CouldNotLook(say("kinds-a-unreadable", line="mountinfo"))
    # Several mounts may stand on one folder: people meet the one that has no other on top of it.
    covered = {(parent, point) for _, parent, _, _, point, *_ in lines}
    uppermost = {
        _OCTAL.sub(lambda match: chr(int(match[1], 8)), point): sorted(options.split(","))
        for mount, _, _, _, point, options, *_ in lines
        if (mount, point) not in covered
    }
    return {"mounts": {setting.path: uppermost.get(setting.path) for setting in settings}}


def judge(settings: list[Setting], facts: dict[str, Any]) -> list[Finding]:
    """Compare each mount's options with those it must have."""
    return [_finding(setting, facts["mounts"][setting.path]) for setting in settings]


def _finding(setting: Setting, options: list[str] | None) -> Finding:
    right = options is not None and set(setting.options) <= set(options)
    return Finding(
        outcome=Outcome.PASS if right else Outcome.FAIL,
        subject=setting.path,
        expected=",".join(setting.options),
        observed="not a mount" if options is None else ",".join(options),
    )
