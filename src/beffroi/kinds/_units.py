"""What systemd says of several units at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from beffroi.verdict import Finding

from ._findings import finding

NOTHING = frozenset({"", "n/a", "infinity", "0"})
"""How systemd writes a time that is not set."""


def units_shown(text: str) -> dict[str, dict[str, str]]:
    """Return the properties that `systemctl show` printed (systemctl(1)), by the unit's Id."""
    blocks = (dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in text.split("\n\n"))
    return {block["Id"]: block for block in blocks if "Id" in block}


def waits(timer: Mapping[str, str]) -> bool:
    """Tell whether a timer has a next run, which systemd sets once what it started has ended."""
    planned = {timer.get("NextElapseUSecRealtime", ""), timer.get("NextElapseUSecMonotonic", "")} - NOTHING
    return bool(planned) or timer.get("SubState") == "running"


def confined(unit: str, wanted: Mapping[str, str], shown: Mapping[str, str]) -> Iterator[Finding]:
    """Judge the properties of a service; the role unit_sandbox's drop-in, which its control holds, is no stranger."""
    sandbox = f"/etc/systemd/system/{unit}.d/zz-beffroi-sandbox.conf"
    for name, value in wanted.items():
        observed = shown.get(name, "unknown")
        observed = "" if name == "DropInPaths" and observed == sandbox else observed
        yield finding(observed == value, f"{unit}: {name}", value or "none", observed or "none")
