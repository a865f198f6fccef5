"""Ansible module: the account and the door by which a store is copied, or the units that fetch and restore copies."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

from ansible.module_utils.accounts import account_with_a_door
from ansible.module_utils.placed_files import holds, is_held, make_room, place_file, place_folder, remove
from ansible.module_utils.programs import run
from ansible.module_utils.role_settings import settings_module
from ansible.module_utils.systemd_units import UNIT_FOLDERS, enable_and_restart, systemctl

ACCOUNT = "beffroi-copy"
HOME = Path("/var/lib/beffroi-copy")
KEYS = HOME / ".ssh" / "authorized_keys"
DOOR = "/usr/lib/beffroi/copy-door"
PROGRAMS = Path("/usr/lib/beffroi")
OURS = {"source": ("beffroi-copy-*",), "keeper": ("beffroi-backup-*", "beffroi-restore-*")}
HOST_KEY = Path("/etc/ssh/ssh_host_ed25519_key.pub")


def keys_text(settings: list[dict[str, Any]], keys: list[dict[str, str]]) -> str:
    """Return the account's key file: each store's key opens that store's stream, from its keeper's addresses alone."""
    known = {(key["keeper"], key["store"]): key["public"] for key in keys}
    lines = ["# Keys of the machines that keep copies. Written by the role backup."]
    for copy in (copy for setting in settings if setting["part"] == "source" for copy in setting["copies"]):
        callers = ",".join(copy["callers"])
        options = f'restrict,from="{callers}",command="{DOOR} {copy["store"]}"'
        lines.append(f"{options} {known[copy['keeper'], copy['store']]}")
    return "\n".join(lines) + "\n"


def strangers(setting: dict[str, Any]) -> list[Path]:
    """Return units of ours that nobody declares any more, and what others add to those that are."""
    declared = {Path(file["path"]) for file in setting["files"]}
    # A purge by age, from the time before the store kept copies, would make rubble of a repository.
    purges = [f"beffroi-purge-{copy['place']}.*" for copy in setting["copies"]] if setting["part"] == "keeper" else []
    return [
        path
        for folder in UNIT_FOLDERS
        for pattern in (*OURS[setting["part"]], *purges)
        for path in folder.glob(pattern)
        if path not in declared
    ]


def stop_and_remove(path: Path) -> None:
    """Remove a unit, a link or a folder of drop-ins; stop the unit first."""
    if path.suffix in (".socket", ".timer"):
        systemctl("disable", "--now", path.name)
    remove(path)


def started(setting: dict[str, Any]) -> list[str]:
    """Return the units that systemd must start, at boot too: sockets at a source, timers at a keeper."""
    names = [Path(file["path"]).name for file in setting["files"]]
    return [name for name in names if name.endswith((".socket", ".timer"))]


def waits(unit: str) -> bool:
    """Tell whether a unit is active and enabled, as its file says."""
    shown = run("systemctl", "show", "-p", "ActiveState,UnitFileState,NeedDaemonReload", unit).split()
    return set(shown) == {"ActiveState=active", "UnitFileState=enabled", "NeedDaemonReload=no"}


def texts_of(setting: dict[str, Any], keys: str) -> dict[Path, tuple[str, int]]:
    """Return every file of a side: its text and mode."""
    texts = {Path(file["path"]): (file["text"], int(file["mode"], 8)) for file in setting["files"]}
    return {**texts, KEYS: (keys, 0o644)} if setting["part"] == "source" else texts


def folders_of(setting: dict[str, Any]) -> list[Path]:
    """Return the folders of a side that must be root's."""
    return [PROGRAMS, HOME, HOME / ".ssh"] if setting["part"] == "source" else [PROGRAMS]


def changes_to_make(setting: dict[str, Any], keys: str) -> list[str]:
    """Return what differs on the machine."""
    commands = account_with_a_door(ACCOUNT, HOME, DOOR) if setting["part"] == "source" else []
    changes = [" ".join(command) for command in commands]
    changes += [str(path) for path in folders_of(setting) if not is_held(path, stat.S_IFDIR, 0o755)]
    changes += [str(path) for path, (text, mode) in texts_of(setting, keys).items() if not holds(path, text, mode)]
    changes += [str(path) for path in strangers(setting)]
    if setting["part"] == "source" and Path(f"{KEYS}2").exists():
        changes.append(f"{KEYS}2")
    return changes + [unit for unit in started(setting) if not waits(unit)]


def enforce(setting: dict[str, Any], keys: str) -> None:
    """Make all of it so; raise ValueError when a program fails."""
    if setting["part"] == "source":
        for command in account_with_a_door(ACCOUNT, HOME, DOOR):
            run(*command)
        Path(f"{KEYS}2").unlink(missing_ok=True)
    for folder in folders_of(setting):
        if not is_held(folder, stat.S_IFDIR, 0o755):
            place_folder(folder)
    fresh = {path.name.removesuffix(".d") for path in strangers(setting)}
    for path in strangers(setting):
        stop_and_remove(path)
    for path, (text, mode) in texts_of(setting, keys).items():
        if not holds(path, text, mode):
            make_room(path)
            place_file(path, text, mode)
            fresh.add(path.name)
    run("systemctl", "daemon-reload")
    for unit in started(setting):
        if unit in fresh or not waits(unit):
            enable_and_restart(unit)


def main() -> None:
    """Set up each side."""
    module = settings_module(keys={"type": "list", "elements": "dict", "required": True, "no_log": False})
    settings, changes = module.params["settings"], []
    try:
        keys = keys_text(settings, module.params["keys"])
        for setting in settings:
            wrong = changes_to_make(setting, keys)
            if wrong and not module.check_mode:
                enforce(setting, keys)
            changes += wrong
        host_key = " ".join(HOST_KEY.read_text().split()[:2])
    except (OSError, ValueError, KeyError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=bool(changes), changes=changes, host_key=host_key)


if __name__ == "__main__":
    main()
