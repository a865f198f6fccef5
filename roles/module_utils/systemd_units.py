"""Units as systemd has them: what it says of them, what is added to them, and having them run what is on disk."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

from ansible.module_utils.programs import run, succeeds

UNITS = Path("/etc/systemd/system")
RUN_TIME_UNITS = Path("/run/systemd/system")
UNIT_FOLDERS = (UNITS, RUN_TIME_UNITS, Path("/etc/systemd/system.control"))
SANDBOX = "zz-beffroi-sandbox.conf"
"""The role unit_sandbox's drop-in, read last: of two values for one property, systemd takes the last."""

TIMER = """# Written by the role {role}.
[Unit]
Description={description}

[Timer]
OnCalendar={calendar}
Persistent=true
AccuracySec=1min

[Install]
WantedBy=timers.target
"""


def timer_text(role: str, description: str, calendar: str) -> str:
    """Return the text of a timer, as `role` writes it: what it missed while the machine was off is made up for."""
    return TIMER.format(role=role, description=description, calendar=calendar)


def systemctl(*words: str) -> subprocess.CompletedProcess[str]:
    """Run systemctl and return what it answered, whether it succeeded or not."""
    return subprocess.run(["systemctl", *words], capture_output=True, text=True, check=False)


def properties(text: str) -> dict[str, str]:
    """Return the properties in what `systemctl show` printed."""
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def shown(unit: str, *names: str) -> dict[str, str]:
    """Return a unit's properties of these names; none where systemd does not answer."""
    return properties(systemctl("show", "-p", ",".join(names), unit).stdout)


def active_and_enabled(*units: str) -> bool:
    """Tell whether every unit is active, and enabled."""
    verbs = [(verb, unit) for unit in units for verb in ("is-active", "is-enabled")]
    return all(succeeds("systemctl", verb, "--quiet", unit) for verb, unit in verbs)


def enable_and_restart(*units: str) -> None:
    """Enable units, masked or not, and restart them; raise ValueError when one does not start."""
    run("systemctl", "unmask", "--quiet", *units)
    run("systemctl", "enable", "--quiet", *units)
    run("systemctl", "restart", *units)


def runs_what_is_on_disk(unit: str, files: Iterable[Path]) -> bool:
    """Tell whether a service started after its files last changed, and systemd has read its unit."""
    found = shown(unit, "ExecMainStartTimestampMonotonic", "NeedDaemonReload")
    changed = max((path.stat().st_ctime for path in files if path.exists()), default=0.0)
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    started = int(found.get("ExecMainStartTimestampMonotonic") or 0) / 1e6
    return found.get("NeedDaemonReload") == "no" and time.time() - changed >= uptime - started


def strange_drop_ins(unit: str) -> list[Path]:
    """Return what is added to a unit of ours, but its sandbox."""
    folders = (folder / f"{unit}.d" for folder in (UNITS, RUN_TIME_UNITS))
    return [path for folder in folders for path in sorted(folder.glob("*")) if path.name != SANDBOX]


def service_of(timer: str) -> str:
    """Return the service that a timer starts."""
    return timer.removesuffix(".timer") + ".service"


def overrides_of(timer: str) -> list[Path]:
    """Return the drop-in folders that would change a timer of ours, or its service, behind its back."""
    folders = [UNITS / f"{unit}.d" for unit in (timer, service_of(timer))]
    return [folder for folder in folders if folder.exists()]


def start_timer(timer: str) -> None:
    """Enable and start a timer, and have its service run once; raise ValueError when that fails."""
    systemctl("unmask", timer, service_of(timer))
    for words in (("enable", "--quiet", timer), ("restart", timer), ("start", service_of(timer))):
        done = systemctl(*words)
        if done.returncode:
            raise ValueError(done.stderr.strip())
