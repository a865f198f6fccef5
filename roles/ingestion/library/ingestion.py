"""Ansible module: account, key, files and units of what passes readings on, running from what is on disk."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import subprocess
import time
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

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
DROP_INS = Path(f"/etc/systemd/system/{UNIT}.d")
SANDBOX = "zz-beffroi-sandbox.conf"  # the role unit_sandbox's
RUNNING = Path(f"/run/systemd/system/{UNIT}.d")
SECONDS = 20
"""How long both ends are waited for: the database may come later, and is then reached without us."""


def run(*words: str) -> str:
    """Run a program and return what it says; raise ValueError with that when it fails."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(f"{' '.join(words)}: {done.stdout}{done.stderr}".strip())
    return done.stdout


def succeeds(*words: str) -> bool:
    """Tell whether a program ends well."""
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def differs(path: Path, file: dict[str, Any]) -> bool:
    """Tell whether a file is not what it is to be."""
    if path.is_symlink() or not path.is_file() or path.read_text() != file["text"]:
        return True
    state = path.stat()
    return (state.st_mode & 0o7777, state.st_uid, state.st_gid) != (int(file["mode"], 8), 0, 0)


def write(path: Path, content: bytes, mode: int) -> None:
    """Write a file of root's, whole at every moment, and never open to others before its mode is set."""
    draft = path.parent / f".{path.name}.new"
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, CLOSED), "wb") as file:
        file.write(content)
    os.chown(draft, 0, 0)
    draft.chmod(mode)
    draft.replace(path)


def password(reader: str) -> bytes:
    """Return the broker's password of one account, as the file of that account alone holds it."""
    accounts = SECRETS / "broker-accounts"
    lines = accounts.read_text().splitlines() if accounts.is_file() else []
    return "".join(f"{line.split(':', 1)[1]}\n" for line in lines if line.startswith(f"{reader}:")).encode()


def closed(path: Path, content: bytes | None = None) -> bool:
    """Tell whether a secret is there, for root alone; and holds what it must, where that is known."""
    if path.is_symlink() or not path.is_file() or not path.stat().st_size:
        return False
    state = path.stat()
    right = (state.st_mode & 0o7777, state.st_uid, state.st_gid) == (CLOSED, 0, 0)
    return right and content in (None, path.read_bytes())


def said() -> dict[str, Any]:
    """Return what the program says of itself; nothing when it says nothing."""
    try:
        found = json.loads(STATUS.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def in_order(setting: dict[str, Any]) -> bool:
    """Tell whether both units run, at boot too, from what is on disk, with the secrets that are there."""
    verbs = [(verb, unit) for unit in (UNIT, WATCH) for verb in ("is-active", "is-enabled")]
    if not all(succeeds("systemctl", verb, "--quiet", unit) for verb, unit in verbs):
        return False
    lines = run("systemctl", "show", "-p", "ExecMainStartTimestampMonotonic,NeedDaemonReload", UNIT).splitlines()
    shown = dict(line.split("=", 1) for line in lines if "=" in line)
    started = int(shown.get("ExecMainStartTimestampMonotonic") or 0) / 1e6
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    given = (PSEUDONYMS, PASSWORD, SECRETS / f"{setting['database']}.{setting['account']}")
    changed = max(path.stat().st_ctime for path in given if path.is_file())
    fresh = time.time() - changed > uptime - started
    runs = [said().get(name) for name in ("program", "configuration")]
    written = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (PROGRAM, CONFIGURATION)]
    return shown.get("NeedDaemonReload") == "no" and fresh and runs == written


def prepare(setting: dict[str, Any], *, dry: bool) -> list[str]:
    """Make the account, the folder, the key and the copy of the password; return what was missing."""
    changes = []
    if not succeeds("getent", "passwd", USER):
        changes.append(USER)
        if not dry:
            words = ("--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent")
            run("/usr/sbin/useradd", *words, "--shell", "/usr/sbin/nologin", USER)
    if not FOLDER.is_dir():
        changes.append(str(FOLDER))
        if not dry:
            FOLDER.mkdir(mode=0o755, parents=True)
    if not closed(PSEUDONYMS):
        changes.append(str(PSEUDONYMS))
        if not dry:
            # A key that others may have read stays: another one would tear each device's rows apart.
            key = PSEUDONYMS.read_bytes() if PSEUDONYMS.is_file() else b""
            write(PSEUDONYMS, key or secrets.token_bytes(32), CLOSED)
    if not closed(PASSWORD, password(setting["reader"])):
        changes.append(str(PASSWORD))
        if not dry:
            write(PASSWORD, password(setting["reader"]), CLOSED)
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
    changed = [path for path, file in files.items() if differs(path, file)]
    others = [path for folder in (DROP_INS, RUNNING) for path in sorted(folder.glob("*")) if path.name != SANDBOX]
    sound = not changes and not changed and in_order(setting)
    if not dry:
        for path in others:
            path.unlink()
        for path in changed:
            write(path, files[path]["text"].encode(), int(files[path]["mode"], 8))
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
    arguments = {
        "settings": {"type": "list", "elements": "dict", "required": True},
        "program": {"type": "dict", "required": True},
    }
    module = AnsibleModule(argument_spec=arguments, supports_check_mode=True)
    (setting,) = module.params["settings"]
    anew = bool(module.params["program"].get("changed"))
    try:
        changes = enforce(setting, program_changed=anew, dry=module.check_mode)
    except (OSError, ValueError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=bool(changes), changes=changes)


if __name__ == "__main__":
    main()
