"""Ansible module: timers enabled, waiting, their last run good; the purges of the stores written out."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

UNITS = Path("/etc/systemd/system")
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
TIMER = """# Written by the role systemd_timer.
[Unit]
Description=Purge the store {store}

[Timer]
OnCalendar={calendar}
Persistent=true
AccuracySec=1min

[Install]
WantedBy=timers.target
"""


def systemctl(*words: str) -> subprocess.CompletedProcess[str]:
    """Run systemctl and return what it answered, whether it succeeded or not."""
    return subprocess.run(["systemctl", *words], capture_output=True, text=True, check=False)


def files_of(setting: dict[str, Any]) -> dict[Path, str]:
    """Return the units of a purge, and their text; none for a timer of the system."""
    if not setting.get("purge"):
        return {}
    timer, words = setting["timer"], {**setting["purge"], "command": setting["command"]}
    return {UNITS / timer: TIMER.format(**words), UNITS / service_of(setting): SERVICE.format(**words)}


def service_of(setting: dict[str, Any]) -> str:
    """Return the service that a timer starts."""
    return str(setting["timer"]).removesuffix(".timer") + ".service"


def overrides_of(setting: dict[str, Any]) -> list[Path]:
    """Return the drop-in folders that would change a purge of ours behind its back."""
    folders = [UNITS / f"{unit}.d" for unit in (setting["timer"], service_of(setting))] if setting.get("purge") else []
    return [folder for folder in folders if folder.exists()]


def in_order(setting: dict[str, Any]) -> bool:
    """Tell whether the timer waits, at boot too, and whether the last run of its service went well."""
    timer, service = setting["timer"], service_of(setting)
    asked = systemctl("show", "-p", "ActiveState,UnitFileState,LastTriggerUSec", timer).stdout.split("\n")
    state = dict(line.split("=", 1) for line in asked if "=" in line)
    run = systemctl("show", "-p", "Result,ExecMainExitTimestamp", service).stdout.split("\n")
    last = dict(line.split("=", 1) for line in run if "=" in line)
    waits = state.get("ActiveState") == "active" and state.get("UnitFileState") in {"enabled", "static"}
    ran = bool(last.get("ExecMainExitTimestamp") or state.get("LastTriggerUSec")) or not setting.get("purge")
    return waits and ran and last.get("Result") == "success"


def set_up(setting: dict[str, Any]) -> None:
    """Enable and start the timer, and have its service run once; raise ValueError when that fails."""
    timer, service = setting["timer"], service_of(setting)
    systemctl("unmask", timer, service)
    for words in (("enable", "--quiet", timer), ("restart", timer), ("start", service)):
        done = systemctl(*words)
        if done.returncode:
            raise ValueError(done.stderr.strip())


def main() -> None:
    """Write units, reload once, set up what is not in order."""
    arguments = {"settings": {"type": "list", "elements": "dict", "required": True}}
    module = AnsibleModule(argument_spec=arguments, supports_check_mode=True)
    settings = module.params["settings"]
    files = {path: text for setting in settings for path, text in files_of(setting).items()}
    changed = {path: text for path, text in files.items() if not path.is_file() or path.read_text() != text}
    overrides = [folder for setting in settings for folder in overrides_of(setting)]
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
                path.unlink(missing_ok=True)
                path.write_text(text)
                path.chmod(0o644)
            if changed or overrides:
                systemctl("daemon-reload")
            for setting in late:
                set_up(setting)
        except (OSError, ValueError) as error:
            module.fail_json(msg=str(error))
    changes = [*map(str, changed), *map(str, overrides), *(setting["timer"] for setting in late)]
    module.exit_json(changed=bool(changes), changes=changes)


if __name__ == "__main__":
    main()
