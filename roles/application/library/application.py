"""Ansible module: the account, the files and the units of the citizens' application, running from what is on disk."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

USER = "beffroi-app"
UNIT = "beffroi-application.service"
WATCH = "beffroi-application-secrets.path"
FOLDER = Path("/etc/beffroi/application")
CLOSED = 0o600
SECRETS = Path("/etc/beffroi/secrets")
PSEUDONYMS = FOLDER / "pseudonyms.key"
DROP_INS = Path(f"/etc/systemd/system/{UNIT}.d")
SANDBOX = "zz-beffroi-sandbox.conf"  # the role unit_sandbox's
RUNNING = Path(f"/run/systemd/system/{UNIT}.d")


def run(*words: str) -> None:
    """Run a program; raise ValueError with what it said when it fails."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(f"{' '.join(words)}: {done.stdout}{done.stderr}".strip())


def succeeds(*words: str) -> bool:
    """Tell whether a program ends well."""
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def differs(path: Path, file: dict[str, Any]) -> bool:
    """Tell whether a file is not what it is to be."""
    if path.is_symlink() or not path.is_file() or path.read_text() != file["text"]:
        return True
    state = path.stat()
    return (state.st_mode & 0o7777, state.st_uid, state.st_gid) != (int(file["mode"], 8), 0, 0)


def write(path: Path, file: dict[str, Any]) -> None:
    """Write a file, whole at every moment."""
    draft = path.parent / f".{path.name}.new"
    draft.write_text(file["text"])
    os.chown(draft, 0, 0)
    draft.chmod(int(file["mode"], 8))
    draft.replace(path)


def in_order() -> bool:
    """Tell whether both units run, at boot too, from what is on disk."""
    verbs = [(verb, unit) for unit in (UNIT, WATCH) for verb in ("is-active", "is-enabled")]
    return all(succeeds("systemctl", verb, "--quiet", unit) for verb, unit in verbs) and not stale()


def stale() -> bool:
    """Tell whether the application started before one of its files last changed, or systemd has not read its unit."""
    words = ["systemctl", "show", "-p", "ExecMainStartTimestampMonotonic,NeedDaemonReload", UNIT]
    shown = dict(
        line.split("=", 1)
        for line in subprocess.run(words, capture_output=True, text=True, check=False).stdout.splitlines()
        if "=" in line
    )
    if shown.get("NeedDaemonReload") != "no":
        return True
    changed = max((path.stat().st_ctime for path in FOLDER.glob("*")), default=0.0)
    uptime = float(Path("/proc/uptime").read_text().split()[0])
    started = int(shown.get("ExecMainStartTimestampMonotonic") or 0) / 1e6
    return time.time() - changed < uptime - started


def prepare(*, dry: bool) -> list[str]:
    """Make the account, the folders and the key of pseudonyms; return what was missing."""
    changes = []
    if not succeeds("getent", "passwd", USER):
        changes.append(USER)
        if not dry:
            run(
                "/usr/sbin/useradd",
                "--system",
                "--user-group",
                "--no-create-home",
                "--home-dir",
                "/nonexistent",
                "--shell",
                "/usr/sbin/nologin",
                USER,
            )
    for folder, mode in ((FOLDER, 0o755), (SECRETS, 0o700)):
        if not folder.is_dir():
            changes.append(str(folder))
            if not dry:
                folder.mkdir(mode=mode, parents=True)
    if not PSEUDONYMS.is_file() or PSEUDONYMS.stat().st_size == 0:
        changes.append(str(PSEUDONYMS))
        if not dry:
            PSEUDONYMS.unlink(missing_ok=True)
            with os.fdopen(os.open(PSEUDONYMS, os.O_WRONLY | os.O_CREAT | os.O_EXCL, CLOSED), "wb") as file:
                file.write(secrets.token_bytes(32))
    elif (PSEUDONYMS.stat().st_mode & 0o7777, PSEUDONYMS.stat().st_uid) != (CLOSED, 0):
        changes.append(str(PSEUDONYMS))
        if not dry:
            shutil.chown(PSEUDONYMS, "root", "root")
            PSEUDONYMS.chmod(CLOSED)
    return changes


def enforce(files: dict[Path, dict[str, Any]], *, program_changed: bool, dry: bool) -> list[str]:
    """Bring all to what it is to be; return what was not."""
    changes = prepare(dry=dry)
    changed = [path for path, file in files.items() if differs(path, file)]
    others = [path for folder in (DROP_INS, RUNNING) for path in sorted(folder.glob("*")) if path.name != SANDBOX]
    sound = in_order()
    if not dry:
        for path in others:
            path.unlink()
        for path in changed:
            write(path, files[path])
        if changes or changed or others or program_changed or not sound:
            run("systemctl", "daemon-reload")
            run("systemctl", "unmask", "--quiet", UNIT, WATCH)
            run("systemctl", "enable", "--quiet", UNIT, WATCH)
            run("systemctl", "restart", UNIT, WATCH)
    return [*changes, *map(str, [*changed, *others]), *([] if sound else [UNIT])]


def main() -> None:
    """Have the application run."""
    arguments = {
        "settings": {"type": "list", "elements": "dict", "required": True},
        "program": {"type": "dict", "required": True},
    }
    module = AnsibleModule(argument_spec=arguments, supports_check_mode=True)
    files = {Path(file["path"]): file for setting in module.params["settings"] for file in setting["files"]}
    anew = bool(module.params["program"].get("changed"))
    try:
        changes = enforce(files, program_changed=anew, dry=module.check_mode)
    except (OSError, ValueError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=bool(changes), changes=changes)


if __name__ == "__main__":
    main()
