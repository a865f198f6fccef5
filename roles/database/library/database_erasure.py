"""Ansible module: what erases old rows of databases: the SQL, the service that runs it as postgres, the timer."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

from ansible.module_utils.placed_files import holds, place_file
from ansible.module_utils.role_settings import settings_module
from ansible.module_utils.systemd_units import (
    UNITS,
    overrides_of,
    service_of,
    shown,
    start_timer,
    systemctl,
    timer_text,
)

SERVICE = """# Written by the role database.
[Unit]
Description=Erase the rows that outlived their retention: {path}
After=postgresql.service

[Service]
Type=oneshot
User=postgres
ExecStart={command}
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
PrivateNetwork=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
NoNewPrivileges=yes
CapabilityBoundingSet=
RestrictAddressFamilies=AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
Nice=10
IOSchedulingClass=idle
"""


def files_of(erasure: dict[str, Any]) -> dict[Path, str]:
    """Return the files of an erasure, and their text."""
    timer, purpose = erasure["timer"], f"Erase the rows that outlived their retention: {erasure['path']}"
    return {
        Path(erasure["path"]): erasure["text"],
        UNITS / timer: timer_text("database", purpose, erasure["calendar"]),
        UNITS / service_of(timer): SERVICE.format(**erasure),
    }


def in_order(erasure: dict[str, Any]) -> bool:
    """Tell whether the timer waits, at boot too, whether the last run went well, and whether no row is overdue."""
    timer = shown(erasure["timer"], "ActiveState", "UnitFileState", "LastTriggerUSec")
    service = shown(service_of(erasure["timer"]), "Result", "ExecMainExitTimestamp")
    ran = service.get("ExecMainExitTimestamp") or timer.get("LastTriggerUSec")
    waits = (timer.get("ActiveState"), timer.get("UnitFileState")) == ("active", "enabled")
    return waits and service.get("Result") == "success" and bool(ran) and not overdue(erasure)


def overdue(erasure: dict[str, Any]) -> bool:
    """Tell whether a row outlived its retention; a table that is not there is told by the service's own failure."""
    database = erasure["command"].split("--dbname=")[1].split()[0]
    for date in erasure["dates"]:
        table, column = date.split(".")
        question = f"""SELECT EXISTS (SELECT FROM "{table}" WHERE "{column}" < now()
            - interval '{erasure["retention_minutes"]} minutes')"""
        words = ("runuser", "-u", "postgres", "--", "psql", "-XAtq", "-d", database, "-c", question)
        done = subprocess.run(words, capture_output=True, text=True, check=False, cwd="/")
        if done.stdout.strip() != "f":
            return True
    return False


def see_to(erasure: dict[str, Any], *, dry: bool) -> list[str]:
    """Write what is stale, reload, set up what is not in order; return what changed."""
    changed = {path: text for path, text in files_of(erasure).items() if not holds(path, text, 0o644)}
    overrides = overrides_of(erasure["timer"])
    late = bool(changed or overrides) or not in_order(erasure)
    if late and not dry:
        for folder in overrides:
            shutil.rmtree(folder)
        for path, text in changed.items():
            path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            place_file(path, text, 0o644)
        if changed or overrides:
            systemctl("daemon-reload")
        start_timer(erasure["timer"])
    return [*map(str, changed), *map(str, overrides), *([erasure["timer"]] if late else [])]


def main() -> None:
    """See to every database's erasure."""
    module = settings_module()
    erasures = [setting["erasure"] for setting in module.params["settings"] if setting.get("erasure")]
    try:
        changes = [change for erasure in erasures for change in see_to(erasure, dry=module.check_mode)]
    except (OSError, ValueError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=bool(changes), changes=changes)


if __name__ == "__main__":
    main()
