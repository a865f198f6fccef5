"""Ansible module: the account, the files and the units of the citizens' application, running from what is on disk."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

from ansible.module_utils.accounts import has_account, service_account
from ansible.module_utils.placed_files import holds, own, place_file, rights
from ansible.module_utils.programs import run
from ansible.module_utils.role_settings import settings_module
from ansible.module_utils.systemd_units import (
    active_and_enabled,
    enable_and_restart,
    runs_what_is_on_disk,
    strange_drop_ins,
)

USER = "beffroi-app"
UNIT = "beffroi-application.service"
WATCH = "beffroi-application-secrets.path"
FOLDER = Path("/etc/beffroi/application")
CLOSED = 0o600
SECRETS = Path("/etc/beffroi/secrets")
PSEUDONYMS = FOLDER / "pseudonyms.key"


def in_order() -> bool:
    """Tell whether both units run, at boot too, from what is on disk."""
    return active_and_enabled(UNIT, WATCH) and runs_what_is_on_disk(UNIT, FOLDER.glob("*"))


def prepare(*, dry: bool) -> list[str]:
    """Make the account, the folders and the key of pseudonyms; return what was missing."""
    changes = []
    if not has_account(USER):
        changes.append(USER)
        if not dry:
            run(*service_account(USER))
    for folder, mode in ((FOLDER, 0o755), (SECRETS, 0o700)):
        if not folder.is_dir():
            changes.append(str(folder))
            if not dry:
                folder.mkdir(mode=mode, parents=True)
    if not PSEUDONYMS.is_file() or PSEUDONYMS.stat().st_size == 0:
        changes.append(str(PSEUDONYMS))
        if not dry:
            place_file(PSEUDONYMS, secrets.token_bytes(32), CLOSED)
    elif rights(PSEUDONYMS)[:2] != (CLOSED, 0):
        changes.append(str(PSEUDONYMS))
        if not dry:
            own(PSEUDONYMS, CLOSED)
    return changes


def enforce(files: dict[Path, dict[str, Any]], *, program_changed: bool, dry: bool) -> list[str]:
    """Bring all to what it is to be; return what was not."""
    changes = prepare(dry=dry)
    changed = [path for path, file in files.items() if not holds(path, file["text"], int(file["mode"], 8))]
    others = strange_drop_ins(UNIT)
    sound = in_order()
    if not dry:
        for path in others:
            path.unlink()
        for path in changed:
            place_file(path, files[path]["text"], int(files[path]["mode"], 8))
        if changes or changed or others or program_changed or not sound:
            run("systemctl", "daemon-reload")
            enable_and_restart(UNIT, WATCH)
    return [*changes, *map(str, [*changed, *others]), *([] if sound else [UNIT])]


def main() -> None:
    """Have the application run."""
    module = settings_module(program={"type": "dict", "required": True})
    files = {Path(file["path"]): file for setting in module.params["settings"] for file in setting["files"]}
    anew = bool(module.params["program"].get("changed"))
    try:
        changes = enforce(files, program_changed=anew, dry=module.check_mode)
    except (OSError, ValueError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=bool(changes), changes=changes)


if __name__ == "__main__":
    main()
