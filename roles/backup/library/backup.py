"""Ansible module: the account and the door by which a store is copied, or the units that fetch and restore copies."""

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

ACCOUNT = "beffroi-copy"
HOME = Path("/var/lib/beffroi-copy")
KEYS = HOME / ".ssh" / "authorized_keys"
DOOR = "/usr/lib/beffroi/copy-door"
PROGRAMS = Path("/usr/lib/beffroi")
UNITS = Path("/etc/systemd/system")
UNIT_FOLDERS = (UNITS, Path("/run/systemd/system"), Path("/etc/systemd/system.control"))
OURS = {"source": ("beffroi-copy-*",), "keeper": ("beffroi-backup-*", "beffroi-restore-*")}
HOST_KEY = Path("/etc/ssh/ssh_host_ed25519_key.pub")


def run(*words: str) -> str:
    """Return what a program says; raise ValueError with its words when it fails."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(" ".join(words) + ": " + done.stderr.strip())
    return done.stdout


def account_commands() -> list[tuple[str, ...]]:
    """Return what makes the account, or takes back what it has beyond its door."""
    grouped = any(group.gr_name == ACCOUNT for group in grp.getgrall())
    made = [] if grouped else [("groupadd", "--system", ACCOUNT)]
    door = ("--home-dir", str(HOME), "--shell", DOOR, ACCOUNT)
    fresh = ("useradd", "--system", "--gid", ACCOUNT, "--no-create-home", *door)
    entry = next((entry for entry in pwd.getpwall() if entry.pw_name == ACCOUNT), None)
    if entry is None:
        return [*made, fresh]
    if entry.pw_uid == 0:
        return [("userdel", "--force", ACCOUNT), *made, fresh]
    wrong = []
    if (entry.pw_dir, entry.pw_shell) != (str(HOME), DOOR):
        wrong.append(("usermod", "--home", str(HOME), "--shell", DOOR, ACCOUNT))
    if made or entry.pw_gid != grp.getgrnam(ACCOUNT).gr_gid or any(ACCOUNT in it.gr_mem for it in grp.getgrall()):
        wrong += [*made, ("usermod", "--gid", ACCOUNT, "--groups", "", ACCOUNT)]
    if password()[:1] not in ("!", "*"):
        wrong.append(("usermod", "--password", "!", ACCOUNT))
    return wrong


def password() -> str:
    """Return the account's password field in /etc/shadow; `!` where it has no line."""
    lines = (line.split(":") for line in Path("/etc/shadow").read_text().splitlines())
    return next((fields[1] for fields in lines if fields[0] == ACCOUNT), "!")


def keys_text(settings: list[dict[str, Any]], keys: list[dict[str, str]]) -> str:
    """Return the account's key file: each store's key opens that store's stream, from its keeper's addresses alone."""
    known = {(key["keeper"], key["store"]): key["public"] for key in keys}
    lines = ["# Keys of the machines that keep copies. Written by the role backup."]
    for copy in (copy for setting in settings if setting["part"] == "source" for copy in setting["copies"]):
        callers = ",".join(copy["callers"])
        options = f'restrict,from="{callers}",command="{DOOR} {copy["store"]}"'
        lines.append(f"{options} {known[copy['keeper'], copy['store']]}")
    return "\n".join(lines) + "\n"


def is_held(path: Path, sort: int, mode: int) -> bool:
    """Tell whether a path is of that sort and mode, and root's; links are not followed."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return False
    held = (stat.S_IFMT(status.st_mode), stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid)
    return held == (sort, mode, 0, 0)


def holds(path: Path, text: str, mode: int) -> bool:
    """Tell whether a file says what it must, and is held as it must be."""
    return is_held(path, stat.S_IFREG, mode) and path.read_bytes() == text.encode()


def place_folder(path: Path) -> None:
    """Make a folder root's, 0755; what stands in its place, a link for one, goes."""
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        path.unlink()
    path.mkdir(mode=0o755, parents=True, exist_ok=True)
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


def remove(path: Path) -> None:
    """Remove a unit, a link or a folder of drop-ins; stop the unit first."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
        return
    if path.suffix in (".socket", ".timer"):
        subprocess.run(["systemctl", "disable", "--now", path.name], capture_output=True, check=False)
    path.unlink(missing_ok=True)


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
    changes = [" ".join(command) for command in account_commands()] if setting["part"] == "source" else []
    changes += [str(path) for path in folders_of(setting) if not is_held(path, stat.S_IFDIR, 0o755)]
    changes += [str(path) for path, (text, mode) in texts_of(setting, keys).items() if not holds(path, text, mode)]
    changes += [str(path) for path in strangers(setting)]
    if setting["part"] == "source" and Path(f"{KEYS}2").exists():
        changes.append(f"{KEYS}2")
    return changes + [unit for unit in started(setting) if not waits(unit)]


def enforce(setting: dict[str, Any], keys: str) -> None:
    """Make all of it so; raise ValueError when a program fails."""
    if setting["part"] == "source":
        for command in account_commands():
            run(*command)
        Path(f"{KEYS}2").unlink(missing_ok=True)
    for folder in folders_of(setting):
        if not is_held(folder, stat.S_IFDIR, 0o755):
            place_folder(folder)
    fresh = {path.name.removesuffix(".d") for path in strangers(setting)}
    for path in strangers(setting):
        remove(path)
    for path, (text, mode) in texts_of(setting, keys).items():
        if not holds(path, text, mode):
            place_file(path, text, mode)
            fresh.add(path.name)
    run("systemctl", "daemon-reload")
    for unit in started(setting):
        if unit in fresh or not waits(unit):
            run("systemctl", "unmask", "--quiet", unit)
            run("systemctl", "enable", "--quiet", unit)
            run("systemctl", "restart", unit)


def main() -> None:
    """Set up each side."""
    arguments: dict[str, Any] = {
        "settings": {"type": "list", "elements": "dict", "required": True},
        "keys": {"type": "list", "elements": "dict", "required": True, "no_log": False},
    }
    module = AnsibleModule(argument_spec=arguments, supports_check_mode=True)
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
