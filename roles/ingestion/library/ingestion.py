"""Ansible module: account, key, files and units of what passes readings on, running from what is on disk."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from pathlib import Path
from typing import Any

from ansible.module_utils.accounts import has_account, service_account
from ansible.module_utils.placed_files import holds, place_file, rights
from ansible.module_utils.programs import run
from ansible.module_utils.role_settings import settings_module
from ansible.module_utils.systemd_units import active_and_enabled, runs_what_is_on_disk, strange_drop_ins

USER = "beffroi-ingestion"
UNIT = "beffroi-ingestion.service"
WATCH = "beffroi-ingestion-secrets.path"
HAND_OVER = "beffroi-ingestion-secrets.service"
FOLDER = Path("/etc/beffroi/ingestion")
CONFIGURATION = FOLDER / "ingestion.json"
PSEUDONYMS = FOLDER / "pseudonyms.key"
PASSWORD = FOLDER / "broker.password"
PROGRAM = Path("/usr/lib/beffroi/ingestion/beffroi_ingestion.py")
STATUS = Path("/run/beffroi-ingestion/status.json")
SECRETS = Path("/etc/beffroi/secrets")
CLOSED = 0o600
SECONDS = 20
"""How long both ends are waited for: the database may come later, and is then reached without us."""


def password(reader: str) -> bytes:
    """Return the broker's password of one account, as the file of that account alone holds it."""
    accounts = SECRETS / "broker-accounts"
    lines = accounts.read_text().splitlines() if accounts.is_file() else []
    return "".join(f"{line.split(':', 1)[1]}\n" for line in lines if line.startswith(f"{reader}:")).encode()


def closed(path: Path, content: bytes | None = None) -> bool:
    """Tell whether a secret is there, for root alone; and holds what it must, where that is known."""
    if path.is_symlink() or not path.is_file() or not path.stat().st_size:
        return False
    return rights(path) == (CLOSED, 0, 0) and content in (None, path.read_bytes())


def said() -> dict[str, Any]:
    """Return what the program says of itself; nothing when it says nothing."""
    try:
        found = json.loads(STATUS.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def in_order(setting: dict[str, Any]) -> bool:
    """Tell whether both units run, at boot too, from what is on disk, with the secrets that are there."""
    given = (PSEUDONYMS, PASSWORD, SECRETS / f"{setting['database']}.{setting['account']}")
    if not (active_and_enabled(UNIT, WATCH) and runs_what_is_on_disk(UNIT, given)):
        return False
    runs = [said().get(name) for name in ("program", "configuration")]
    written = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (PROGRAM, CONFIGURATION)]
    return runs == written


def prepare(setting: dict[str, Any], *, dry: bool) -> list[str]:
    """Make the account, the folder, the key and the copy of the password; return what was missing."""
    changes = []
    if not has_account(USER):
        changes.append(USER)
        if not dry:
            run(*service_account(USER))
    if not FOLDER.is_dir():
        changes.append(str(FOLDER))
        if not dry:
            FOLDER.mkdir(mode=0o755, parents=True)
    if not closed(PSEUDONYMS):
        changes.append(str(PSEUDONYMS))
        if not dry:
            # A key that others may have read stays: another one would tear each device's rows apart.
            key = PSEUDONYMS.read_bytes() if PSEUDONYMS.is_file() else b""
            place_file(PSEUDONYMS, key or secrets.token_bytes(32), CLOSED)
    if not closed(PASSWORD, password(setting["reader"])):
        changes.append(str(PASSWORD))
        if not dry:
            place_file(PASSWORD, password(setting["reader"]), CLOSED)
    return changes


def wait(setting: dict[str, Any]) -> None:
    """Wait until both ends have answered, or no longer."""
    if not (SECRETS / f"{setting['database']}.{setting['account']}").is_file():
        return
    until = time.monotonic() + SECONDS
    while time.monotonic() < until and not all((said().get("answered") or {"": None}).values()):
        time.sleep(0.5)


def enforce(setting: dict[str, Any], *, program_changed: bool, dry: bool) -> list[str]:
    """Bring all to what it is to be; return what was not."""
    files = {Path(file["path"]): file for file in setting["files"]}
    changes = prepare(setting, dry=dry)
    changed = [path for path, file in files.items() if not holds(path, file["text"], int(file["mode"], 8))]
    others = strange_drop_ins(UNIT)
    sound = not changes and not changed and in_order(setting)
    if not dry:
        for path in others:
            path.unlink()
        for path in changed:
            place_file(path, files[path]["text"], int(files[path]["mode"], 8))
        if changes or changed or others or program_changed or not sound:
            STATUS.unlink(missing_ok=True)
            run("systemctl", "daemon-reload")
            run("systemctl", "unmask", "--quiet", UNIT, WATCH, HAND_OVER)
            run("systemctl", "enable", "--quiet", UNIT, WATCH)
            run("systemctl", "restart", WATCH)
            run("systemctl", "restart", UNIT)
            wait(setting)
    return [*changes, *map(str, [*changed, *others]), *([] if sound else [UNIT])]


def main() -> None:
    """Have readings passed on."""
    module = settings_module(program={"type": "dict", "required": True})
    (setting,) = module.params["settings"]
    anew = bool(module.params["program"].get("changed"))
    try:
        changes = enforce(setting, program_changed=anew, dry=module.check_mode)
    except (OSError, ValueError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=bool(changes), changes=changes)


if __name__ == "__main__":
    main()
