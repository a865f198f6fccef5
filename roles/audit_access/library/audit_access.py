"""Ansible module: the account, its files, and the socket that starts the probe."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

from ansible.module_utils.accounts import account_with_a_door, group_number
from ansible.module_utils.placed_files import holds, is_held, make_room, place_file, place_folder, remove
from ansible.module_utils.programs import run
from ansible.module_utils.role_settings import settings_module
from ansible.module_utils.systemd_units import UNIT_FOLDERS

HOME = Path("/var/lib/beffroi-audit")
FOLDERS = (Path("/usr/lib/beffroi"), HOME, HOME / ".ssh")
DOOR = "/usr/lib/beffroi/audit-door"
SOCKET = Path("/run/beffroi-audit.sock")
SOCKET_UNIT = "beffroi-audit.socket"
UNITS = (SOCKET_UNIT, "beffroi-audit@.service", "beffroi-audit@look.service")
REFUSED = HOME / ".ssh" / "authorized_keys2"


def is_right(file: dict[str, Any]) -> bool:
    """Tell whether a file says what it must, and is held as it must be."""
    return holds(Path(file["path"]), file["text"], int(file["mode"], 8))


def drop_ins() -> list[Path]:
    """Return what others add to our units."""
    found = (folder / f"{unit}.d" for folder in UNIT_FOLDERS for unit in UNITS)
    shadows = (folder / unit for folder in UNIT_FOLDERS[1:] for unit in UNITS)
    own = (UNIT_FOLDERS[0] / UNITS[2],)
    return [path for path in (*found, *shadows, *own) if path.exists() or path.is_symlink()]


def shown(unit: str, name: str) -> str:
    """Return a unit's property."""
    return run("systemctl", "show", "-P", name, unit).strip()


def answers(account: str) -> bool:
    """Tell whether systemd listens on the socket, from what is on disk, and starts it at boot."""
    good = {"ActiveState": "active", "UnitFileState": "enabled", "NeedDaemonReload": "no"}
    listens = all(shown(SOCKET_UNIT, name) == value for name, value in good.items())
    fresh = shown(UNITS[2], "NeedDaemonReload") == "no"
    return listens and fresh and is_held(SOCKET, stat.S_IFSOCK, 0o660, (0, group_number(account)))


def changes_to_make(setting: dict[str, Any]) -> list[str]:
    """Return what differs on the machine."""
    changes = [" ".join(command) for command in account_with_a_door(setting["account"], HOME, DOOR)]
    changes += [str(path) for path in FOLDERS if not is_held(path, stat.S_IFDIR, 0o755)]
    changes += [file["path"] for file in setting["files"] if not is_right(file)]
    changes += [str(path) for path in (*drop_ins(), REFUSED) if path.exists() or path.is_symlink()]
    return changes or ([] if answers(setting["account"]) else [SOCKET_UNIT])


def enforce(setting: dict[str, Any]) -> None:
    """Make all of it so; raise ValueError when a program fails."""
    for command in account_with_a_door(setting["account"], HOME, DOOR):
        run(*command)
    for folder in FOLDERS:
        if not is_held(folder, stat.S_IFDIR, 0o755):
            place_folder(folder)
    for path in (*drop_ins(), REFUSED):
        if path.exists() or path.is_symlink():
            remove(path)
    units = [file for file in setting["files"] if not is_right(file)]
    for file in units:
        make_room(Path(file["path"]))
        place_file(Path(file["path"]), file["text"], int(file["mode"], 8))
    run("systemctl", "daemon-reload")
    run("systemctl", "unmask", SOCKET_UNIT)
    run("systemctl", "enable", SOCKET_UNIT)
    if not answers(setting["account"]) or any(file["path"].endswith(SOCKET_UNIT) for file in units):
        run("systemctl", "restart", SOCKET_UNIT)


def main() -> None:
    """Give auditors their way in, and nothing beyond."""
    module = settings_module()
    changes: list[str] = []
    for setting in module.params["settings"]:
        try:
            wrong = changes_to_make(setting)
            if wrong and not module.check_mode:
                enforce(setting)
        except (OSError, ValueError, KeyError) as error:
            module.fail_json(msg=str(error))
        changes += wrong
    module.exit_json(changed=bool(changes), changes=changes)


if __name__ == "__main__":
    main()
