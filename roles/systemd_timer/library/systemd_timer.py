"""Ansible module: timers enabled, waiting, their last run good; the purges of the stores written out."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from ansible.module_utils.placed_files import place_file, says
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

SERVICE = """# Written by the role systemd_timer.
[Unit]
Description=Remove what outlived its retention in the store {store}

[Service]
Type=oneshot
User={owner}
ExecStart={command}
ProtectSystem=strict
ReadWritePaths={path}
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
RestrictAddressFamilies=none
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
Nice=10
IOSchedulingClass=idle
"""


def files_of(setting: dict[str, Any]) -> dict[Path, str]:
    """Return the units of a purge, and their text; none for a timer of the system."""
    if not setting.get("purge"):
        return {}
    timer, words = setting["timer"], {**setting["purge"], "command": setting["command"]}
    text = timer_text("systemd_timer", f"Purge the store {words['store']}", words["calendar"])
    return {UNITS / timer: text, UNITS / service_of(timer): SERVICE.format(**words)}


def in_order(setting: dict[str, Any]) -> bool:
    """Tell whether the timer waits, at boot too, and whether the last run of its service went well."""
    state = shown(setting["timer"], "ActiveState", "UnitFileState", "LastTriggerUSec")
    last = shown(service_of(setting["timer"]), "Result", "ExecMainExitTimestamp")
    waits = state.get("ActiveState") == "active" and state.get("UnitFileState") in {"enabled", "static"}
    ran = bool(last.get("ExecMainExitTimestamp") or state.get("LastTriggerUSec")) or not setting.get("purge")
    return waits and ran and last.get("Result") == "success"


def main() -> None:
    """Write units, reload once, set up what is not in order."""
    module = settings_module()
    settings = module.params["settings"]
    files = {path: text for setting in settings for path, text in files_of(setting).items()}
    changed = {path: text for path, text in files.items() if not says(path, text)}
    # A purge is ours; what is added to a timer of the system is not our business.
    overrides = [it for setting in settings if setting.get("purge") for it in overrides_of(setting["timer"])]
    touched = {path.stem for path in [*changed, *overrides]}
    late = [
        setting
        for setting in settings
        if setting["timer"].removesuffix(".timer") in {Path(name).stem for name in touched} or not in_order(setting)
    ]
    if not module.check_mode:
        try:
            for folder in overrides:
                shutil.rmtree(folder)
            for path, text in changed.items():
                place_file(path, text, 0o644)
            if changed or overrides:
                systemctl("daemon-reload")
            for setting in late:
                start_timer(setting["timer"])
        except (OSError, ValueError) as error:
            module.fail_json(msg=str(error))
    changes = [*map(str, changed), *map(str, overrides), *(setting["timer"] for setting in late)]
    module.exit_json(changed=bool(changes), changes=changes)


if __name__ == "__main__":
    main()
