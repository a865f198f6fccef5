"""Ansible module: one drop-in a service; a service is restarted only when its sandbox changes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ansible.module_utils.placed_files import place_file, says
from ansible.module_utils.role_settings import settings_module
from ansible.module_utils.systemd_units import SANDBOX, UNIT_FOLDERS, UNITS, shown, systemctl


def drop_in(setting: dict[str, Any]) -> str:
    """Return our drop-in's text."""
    lines = [f"{name}={value}" for name, value in sorted(setting["properties"].items())]
    return "\n".join(["# Written by the role unit_sandbox.", "[Service]", *lines]) + "\n"


def rivals(setting: dict[str, Any]) -> list[Path]:
    """Return the drop-ins of others that are read after ours and set one of our properties."""
    ours = re.compile(rf"^\s*({'|'.join(setting['properties'])})\s*=", re.MULTILINE)
    found = [path for folder in UNIT_FOLDERS for path in sorted(folder.glob(f"{setting['unit']}.d/*.conf"))]
    return [path for path in found if path.name != SANDBOX and path.name > SANDBOX and ours.search(path.read_text())]


def runs_as_wanted(setting: dict[str, Any]) -> bool:
    """Tell whether the service runs, from what is on disk, in its sandbox."""
    found = shown(setting["unit"], "ActiveState", "NeedDaemonReload", "MainPID", *setting["properties"])
    if found.get("ActiveState") != "active" or found.get("NeedDaemonReload") != "no":
        return False
    wanted = setting["properties"]
    if any(set(found.get(name, "").lower().split()) != set(value.lower().split()) for name, value in wanted.items()):
        return False
    status = Path("/proc", found.get("MainPID", "0"), "status")
    confined = status.is_file() and re.search(r"^NoNewPrivs:\s*1$", status.read_text(), re.MULTILINE)
    return wanted.get("NoNewPrivileges") != "yes" or bool(confined)


def confine(settings: list[dict[str, Any]], texts: dict[Path, str], others: list[Path]) -> None:
    """Write the drop-ins and restart the services; raise ValueError when one does not come back."""
    for path in others:
        path.unlink()
    for path, text in texts.items():
        path.parent.mkdir(mode=0o755, exist_ok=True)
        place_file(path, text, 0o644)
    systemctl("daemon-reload")
    for setting in settings:
        done = systemctl("restart", setting["unit"])
        if done.returncode:
            raise ValueError(done.stderr.strip())


def main() -> None:
    """Confine what is not confined yet."""
    module = settings_module()
    loose: list[dict[str, Any]] = []
    texts: dict[Path, str] = {}
    others: list[Path] = []
    for setting in module.params["settings"]:
        path, text = UNITS / f"{setting['unit']}.d" / SANDBOX, drop_in(setting)
        late = rivals(setting)
        if late or not says(path, text) or not runs_as_wanted(setting):
            loose.append(setting)
            texts[path] = text
            others += late
    if loose and not module.check_mode:
        try:
            confine(loose, texts, others)
        except (OSError, ValueError) as error:
            module.fail_json(msg=str(error))
    module.exit_json(changed=bool(loose), changes=[setting["unit"] for setting in loose])


if __name__ == "__main__":
    main()
