"""Ansible module: a timer that says a harmless line every hour, and once now."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from ansible.module_utils.placed_files import place_file, says
from ansible.module_utils.programs import run
from ansible.module_utils.role_settings import settings_module
from ansible.module_utils.systemd_units import UNITS, overrides_of, timer_text

TIMER, SERVICE = "beffroi-canary.timer", "beffroi-canary.service"
REMOTE = Path("/var/log/remote")
SERVICE_TEXT = """# Written by the role log_canary.
[Unit]
Description=Say the line whose arrival at the collector is watched
After=rsyslog.service

[Service]
Type=oneshot
DynamicUser=yes
{commands}
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
PrivateNetwork=yes
NoNewPrivileges=yes
CapabilityBoundingSet=
"""


def files_of(settings: list[dict[str, Any]]) -> dict[Path, str]:
    """Return the units, and their text; none where the machine says nothing."""
    said = [command for setting in settings for command in setting.get("commands") or []]
    lines = "\n".join(f"ExecStart={command}" for command in said)
    text = timer_text("log_canary", "Say the canary every hour", "hourly")
    return {UNITS / TIMER: text, UNITS / SERVICE: SERVICE_TEXT.format(commands=lines)} if said else {}


def unheard(settings: list[dict[str, Any]]) -> bool:
    """Tell whether the collector misses a line of its own; those of others are for the others to say again."""
    for setting in settings:
        own = [heard for heard in setting.get("heard") or [] if heard["name"] == setting["machine"]]
        for heard in own:
            name = heard["name"]
            files = [REMOTE / f"{name}.log", REMOTE / f"{name}.log.1"]
            text = "".join(path.read_text(errors="replace") for path in files if path.is_file())
            for facility in heard["facilities"]:
                if not re.search(rf" beffroi-canary\S* {name} {facility} *$", text, re.MULTILINE):
                    return True
    return False


def in_order() -> bool:
    """Tell whether the timer waits, at boot too, and the service's last run went well."""
    shown = run("systemctl", "show", "-p", "ActiveState,UnitFileState,Result,ExecMainExitTimestamp", TIMER, SERVICE)
    timer, _, service = shown.partition("\n\n")
    waits = "ActiveState=active" in timer and "UnitFileState=enabled" in timer
    return waits and "Result=success" in service and "ExecMainExitTimestamp=\n" not in f"{service}\n"


def main() -> None:
    """Write units, reload once, and say the line when something changed."""
    module = settings_module()
    files = files_of(module.params["settings"])
    changed = {path: text for path, text in files.items() if not says(path, text)}
    overrides = overrides_of(TIMER) if files else []
    try:
        silent = bool(files) and (not in_order() or unheard(module.params["settings"]))
        if not module.check_mode and (changed or overrides or silent):
            for folder in overrides:
                shutil.rmtree(folder)
            for path, text in changed.items():
                place_file(path, text, 0o644)
            run("systemctl", "daemon-reload")
            run("systemctl", "unmask", "--quiet", TIMER, SERVICE)
            run("systemctl", "enable", "--quiet", TIMER)
            run("systemctl", "restart", TIMER)
            run("systemctl", "start", SERVICE)
    except (OSError, ValueError) as error:
        module.fail_json(msg=str(error))
    changes = [*map(str, changed), *map(str, overrides), *(["canary"] if silent else [])]
    module.exit_json(changed=bool(changes), changes=changes)


if __name__ == "__main__":
    main()
