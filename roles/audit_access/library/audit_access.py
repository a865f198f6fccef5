"""Ansible module: the account, its files, and the socket that starts the probe."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

HOME = Path("/var/lib/beffroi-audit")
FOLDERS = (Path("/usr/lib/beffroi"), HOME, HOME / ".ssh")
DOOR = "/usr/lib/beffroi/audit-door"
SOCKET = Path("/run/beffroi-audit.sock")
SOCKET_UNIT = "beffroi-audit.socket"
UNITS = (SOCKET_UNIT, "beffroi-audit@.service", "beffroi-audit@look.service")
UNIT_FOLDERS = (Path("/etc/systemd/system"), Path("/run/systemd/system"), Path("/etc/systemd/system.control"))
REFUSED = HOME / ".ssh" / "authorized_keys2"


def run(*words: str) -> str:
    """Return what a program says; raise ValueError with its words when it fails."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(" ".join(words) + ": " + done.stderr.strip())
    return done.stdout


def account_commands(name: str) -> list[tuple[str, ...]]:
    """Return what makes the account, or takes back what it has beyond its door."""
    made = [] if has_own_group(name) else [("groupadd", "--system", name)]
    fresh = ("useradd", "--system", "--gid", name, "--no-create-home", "--home-dir", str(HOME), "--shell", DOOR, name)
    if not exists(name):
        return [*made, fresh]
    entry = pwd.getpwnam(name)
    if entry.pw_uid == 0:
        # Root under another name: nothing of it can be kept, and its processes are everybody's.
        return [("userdel", "--force", name), *made, fresh]
    wrong = []
    if (entry.pw_dir, entry.pw_shell) != (str(HOME), DOOR):
        wrong.append(("usermod", "--home", str(HOME), "--shell", DOOR, name))
    if made or entry.pw_gid != grp.getgrnam(name).gr_gid or any(name in group.gr_mem for group in grp.getgrall()):
        wrong += [*made, ("usermod", "--gid", name, "--groups", "", name)]
    if password(name)[:1] not in ("!", "*"):
        wrong.append(("usermod", "--password", "!", name))
    return wrong


def exists(name: str) -> bool:
    """Tell whether there is such an account."""
    return any(entry.pw_name == name for entry in pwd.getpwall())


def has_own_group(name: str) -> bool:
    """Tell whether there is such a group."""
    return any(group.gr_name == name for group in grp.getgrall())


def password(name: str) -> str:
    """Return the account's password field in /etc/shadow; `!` where it has no line."""
    lines = (line.split(":") for line in Path("/etc/shadow").read_text().splitlines())
    return next((fields[1] for fields in lines if fields[0] == name), "!")


def is_held(path: Path, kind: int, mode: int, group: str = "root") -> bool:
    """Tell whether a path is of that kind, root's, of that group and mode; links are not followed."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return False
    gid = grp.getgrnam(group).gr_gid if has_own_group(group) else -1
    return (stat.S_IFMT(status.st_mode), stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) == (
        kind,
        mode,
        0,
        gid,
    )


def place_folder(path: Path) -> None:
    """Make a folder root's, 0755; what stands in its place, a link for one, goes."""
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        path.unlink()
    path.mkdir(mode=0o755, exist_ok=True)
    os.chown(path, 0, 0)
    path.chmod(0o755)


def place_file(path: Path, text: str, mode: int) -> None:
    """Write a file beside its place and put it there at once, so that nobody ever runs half of it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=".beffroi-")
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)
        os.fchmod(stream.fileno(), mode)
        os.fchown(stream.fileno(), 0, 0)
    Path(draft).replace(path)


def holds(file: dict[str, Any]) -> bool:
    """Tell whether a file says what it must, and is held as it must be."""
    path = Path(file["path"])
    return is_held(path, stat.S_IFREG, int(file["mode"], 8)) and path.read_bytes() == file["text"].encode()


def drop_ins() -> list[Path]:
    """Return what others add to our units."""
    found = (folder / f"{unit}.d" for folder in UNIT_FOLDERS for unit in UNITS)
    shadows = (folder / unit for folder in UNIT_FOLDERS[1:] for unit in UNITS)
    own = (UNIT_FOLDERS[0] / UNITS[2],)
    return [path for path in (*found, *shadows, *own) if path.exists() or path.is_symlink()]


def remove(path: Path) -> None:
    """Remove a file, a link or a folder."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def shown(unit: str, name: str) -> str:
    """Return a unit's property."""
    return run("systemctl", "show", "-P", name, unit).strip()


def answers(account: str) -> bool:
    """Tell whether systemd listens on the socket, from what is on disk, and starts it at boot."""
    good = {"ActiveState": "active", "UnitFileState": "enabled", "NeedDaemonReload": "no"}
    listens = all(shown(SOCKET_UNIT, name) == value for name, value in good.items())
    return listens and shown(UNITS[2], "NeedDaemonReload") == "no" and is_held(SOCKET, stat.S_IFSOCK, 0o660, account)


def changes_to_make(setting: dict[str, Any]) -> list[str]:
    """Return what differs on the machine."""
    changes = [" ".join(command) for command in account_commands(setting["account"])]
    changes += [str(path) for path in FOLDERS if not is_held(path, stat.S_IFDIR, 0o755)]
    changes += [file["path"] for file in setting["files"] if not holds(file)]
    changes += [str(path) for path in (*drop_ins(), REFUSED) if path.exists() or path.is_symlink()]
    return changes or ([] if answers(setting["account"]) else [SOCKET_UNIT])


def enforce(setting: dict[str, Any]) -> None:
    """Make all of it so; raise ValueError when a program fails."""
    for command in account_commands(setting["account"]):
        run(*command)
    for folder in FOLDERS:
        if not is_held(folder, stat.S_IFDIR, 0o755):
            place_folder(folder)
    for path in (*drop_ins(), REFUSED):
        if path.exists() or path.is_symlink():
            remove(path)
    units = [file for file in setting["files"] if not holds(file)]
    for file in units:
        place_file(Path(file["path"]), file["text"], int(file["mode"], 8))
    run("systemctl", "daemon-reload")
    run("systemctl", "unmask", SOCKET_UNIT)
    run("systemctl", "enable", SOCKET_UNIT)
    if not answers(setting["account"]) or any(file["path"].endswith(SOCKET_UNIT) for file in units):
        run("systemctl", "restart", SOCKET_UNIT)


def main() -> None:
    """Give auditors their way in, and nothing beyond."""
    arguments = {"settings": {"type": "list", "elements": "dict", "required": True}}
    module = AnsibleModule(argument_spec=arguments, supports_check_mode=True)
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
