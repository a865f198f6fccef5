"""One kernel parameter, as the running kernel holds it (`/proc/sys`, sysctl.d(5)).

A container shares its computer's kernel: there only the parameters of its own network are the machine's own. The others
are `notapplicable`, reason "shared kernel", never `pass`: whoever holds the computer must be asked about them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, StringConstraints

from beffroi.errors import CouldNotLook
from beffroi.kinds import KindModel, SettingModel, Site
from beffroi.messages import say
from beffroi.verdict import Finding, Outcome

from ._asking import SHARED_KERNEL, ask_all
from ._order import Answer, each
from ._sysctl_order import order_of

if TYPE_CHECKING:
    from testinfra.host import Host as LiveHost

NO_CONTAINER = "none"
"""What `systemd-detect-virt --container` says of a machine that has a kernel of its own."""

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]+(\.([A-Za-z0-9_-]+|\*))+$", max_length=200)]
"""A parameter, dots between its parts; `*` stands for every network interface, `all` and `default` (sysctl.d(5))."""

Value = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z-]+( [0-9A-Za-z-]+)*$", max_length=200)]


class Params(KindModel):
    """Parameters and their values; the numbers of a list are separated by one space."""

    values: Annotated[dict[Name, Value], Field(min_length=1)]


class Setting(SettingModel):
    """One parameter and its value."""

    name: Name
    value: Value

    @property
    def key(self) -> str:
        """Return the parameter."""
        return self.name

    def path(self) -> str:
        """Return the parameter's file, or the pattern of its files, below `/proc/sys`."""
        return self.name.replace(".", "/")


EVERYWHERE = True


def expected(params: Params, site: Site) -> list[Setting]:  # noqa: ARG001 - the same on every machine
    """Return a setting for each parameter."""
    return [Setting(name=name, value=value) for name, value in params.values.items()]


def weakened(before: Params, after: Params) -> Answer:
    """Tell whether a parameter is given up, or takes a value that protects less."""
    return each(before.values, after.values, order_of)


def observe(host: LiveHost, settings: list[Setting]) -> dict[str, Any]:
    """Return the value of each parameter's files, which of them this machine may set, and the sort of container."""
    patterns = " ".join(sorted({setting.path() for setting in settings}))
    # Said in one go: each piece would travel, be decrypted and wake the reader by itself, three for each parameter.
    seen = ask_all(
        host,
        # As the first process has them: whoever looks may be confined, and see all of it read only.
        mounts='awk \'$5 == "/proc" || $5 ~ "^/proc/sys" { print $5, $6 }\' /proc/1/mountinfo',
        virtualization="systemd-detect-virt --container || :",
        files=f"""
cd /proc/sys
seen=$(for file in {patterns}; do
  [ ! -e "$file" ] || {{ printf '%s = ' "$file"; cat "$file"; }}
done)
[ -z "$seen" ] || printf '%s\\n' "$seen" """,
    )
    virtualization = seen["virtualization"].strip()
    if not virtualization:
        raise CouldNotLook(say("kinds-a-unreadable", line="systemd-detect-virt"))
    writable = _writable(seen["mounts"])
    files = {}
    for line in seen["files"].splitlines():
        name, separator, value = line.partition(" = ")
        if not separator:
            raise CouldNotLook(say("kinds-a-unreadable", line=line))
        files[name] = {"value": " ".join(value.split()), "own": _own(f"/proc/sys/{name}", writable)}
    return {"virtualization": virtualization, "files": files}


def _writable(mounts: str) -> dict[str, bool]:
    """Return, for each mount at or below /proc, whether it may be written to; the later of two covers the earlier."""
    fields = [line.split(" ") for line in mounts.splitlines()]
    if not fields or any(len(words) != len(("point", "options")) for words in fields):
        raise CouldNotLook(say("kinds-a-unreadable", line="mountinfo"))
    return {point: "rw" in options.split(",") for point, options in fields}


def _own(file: str, writable: dict[str, bool]) -> bool:
    """Tell whether this machine may set a parameter: whether the mount that holds its file may be written to."""
    holders = [point for point in writable if file.startswith(f"{point}/")]
    return writable[max(holders, key=len)] if holders else False


def judge(settings: list[Setting], facts: dict[str, Any]) -> list[Finding]:
    """Compare each parameter with its value in the kernel; where the kernel is shared, judge the network's alone."""
    return [_finding(setting, facts) for setting in settings]


def _finding(setting: Setting, facts: dict[str, Any]) -> Finding:
    files = _matching(setting.path(), facts["files"])
    wrong = {name: file["value"] for name, file in files.items() if file["value"] != setting.value}
    shared = facts["virtualization"] != NO_CONTAINER and not (
        files and setting.name.startswith("net.") and all(file["own"] for file in files.values())
    )
    if shared:
        outcome, reason = Outcome.NOT_APPLICABLE, SHARED_KERNEL
    else:
        outcome, reason = (Outcome.PASS if files and not wrong else Outcome.FAIL), ""
    return Finding(
        outcome=outcome, subject=setting.name, expected=setting.value, observed=_observed(files, wrong), reason=reason
    )


def _observed(files: dict[str, Any], wrong: dict[str, str]) -> str:
    if not files:
        return "no such parameter"
    if len(files) == 1 or not wrong:
        return str(next(iter(files.values()))["value"])
    return "; ".join(f"{name.replace('/', '.')} = {value}" for name, value in sorted(wrong.items()))


def _matching(pattern: str, files: dict[str, Any]) -> dict[str, Any]:
    if "*" not in pattern:
        return {pattern: files[pattern]} if pattern in files else {}
    return {name: file for name, file in files.items() if _matches(pattern, name)}


def _matches(pattern: str, name: str) -> bool:
    parts, names = pattern.split("/"), name.split("/")
    return len(parts) == len(names) and all(part in ("*", word) for part, word in zip(parts, names, strict=True))
