#!/usr/bin/python3
"""Make the accounts that services need, and close the ways in that nobody declared."""

from __future__ import annotations

import os
import pwd
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible.module_utils.accounts import NO_LOGIN, Command, has_group, service_account
from ansible.module_utils.programs import run_or_fail
from ansible.module_utils.role_settings import settings_module

DOCUMENTATION = r"""
module: account
short_description: Hold accounts to rules
description:
  - Makes service accounts; locks passwords; takes login shells away; sets aside SSH keys (authorized_keys.refused).
  - Deletes one sort of account alone, a second one with root's user id, and leaves its files.
options:
  settings:
    description: The rules.
    type: list
    elements: dict
    required: true
"""

CLOSED_SHELLS = (NO_LOGIN, "/sbin/nologin", "/bin/false", "/usr/bin/false")
KEY_FILES = (".ssh/authorized_keys", ".ssh/authorized_keys2")
KEY = re.compile(r"^(?P<options>.*?)\s*(?P<key>(?:ssh-|ecdsa-|sk-)\S+\s+AAAA[A-Za-z0-9+/=]+)")


def main() -> None:
    """Work out the commands that each rule asks for, run them, then see to the keys."""
    module = settings_module()
    changes: list[str] = []
    for setting in sorted(module.params["settings"], key=lambda setting: setting["rule"] != "service"):
        for command in commands(setting, passwords()):
            changes.append(" ".join(command))
            if not module.check_mode:
                run_or_fail(module, *command)
        changes += keys_of(setting, dry=module.check_mode)
    module.exit_json(changed=bool(changes), changes=changes)


def commands(setting: dict[str, Any], hashes: dict[str, str]) -> Iterator[Command]:
    """Yield the commands that bring the accounts to what one rule asks."""
    rule, name, allowed = setting["rule"], setting["account"], setting["allowed"]
    everybody = {entry.pw_name: entry for entry in pwd.getpwall()}
    if rule == "service":
        yield from service(name, allowed, everybody, hashes)
    for other, entry in everybody.items():
        if rule == "one-root" and entry.pw_uid == 0 and other != "root":
            yield ("userdel", "--force", other)
        if rule == "no-empty-password" and not hashes[other]:
            yield ("usermod", "--password", "!", other)
        if rule == "yescrypt" and hashes[other][:1] not in ("", "!", "*") and not hashes[other].startswith("$y$"):
            yield ("usermod", "--lock", other)
        if rule == "system-locked" and entry.pw_uid not in range(1000, 60000) and other not in ("root", *allowed):
            yield from closed(entry, hashes[other])
        if rule == "known-logins" and entry.pw_shell not in CLOSED_SHELLS and other not in allowed:
            yield ("usermod", "--shell", NO_LOGIN, other)
        if rule == "locked" and other == name and hashes[other][:1] not in ("!", "*"):
            yield ("usermod", "--lock", other)


def service(
    name: str, groups: list[str], everybody: dict[str, pwd.struct_passwd], hashes: dict[str, str]
) -> Iterator[Command]:
    """Yield what makes a service's account and groups, or closes the account that is there."""
    if name not in everybody:
        yield service_account(name)
    else:
        yield from closed(everybody[name], hashes[name])
    for missing in groups:
        if missing != name and not has_group(missing):
            yield ("groupadd", "--system", missing)


def closed(entry: pwd.struct_passwd, password: str) -> Iterator[Command]:
    """Yield what takes an account's login shell and password away."""
    if entry.pw_shell not in CLOSED_SHELLS:
        yield ("usermod", "--shell", NO_LOGIN, entry.pw_name)
    if not password:
        yield ("usermod", "--password", "!", entry.pw_name)
    elif password[0] not in "!*":
        yield ("usermod", "--lock", entry.pw_name)


def passwords() -> dict[str, str]:
    """Return each account's password field: shadow's, unless passwd still holds one; `!` where there is none at all."""
    shadow = dict(line.split(":", 2)[:2] for line in Path("/etc/shadow").read_text().splitlines())
    return {
        entry.pw_name: shadow.get(entry.pw_name, "!") if entry.pw_passwd == "x" else entry.pw_passwd  # noqa: S105
        for entry in pwd.getpwall()
    }


def keys_of(setting: dict[str, Any], *, dry: bool) -> list[str]:
    """See to the SSH keys that one rule is about; return what changed."""
    rule, name, allowed = setting["rule"], setting["account"], setting["allowed"]
    changes = []
    for entry in pwd.getpwall():
        home = Path(entry.pw_dir)
        if rule == "keys" and entry.pw_name == name and keys(home) != {without_comment(key) for key in allowed}:
            changes.append(f"{name}: SSH keys replaced")
            if not dry:
                set_aside(home)
                write(home, entry, allowed)
        refused = (rule == "key-holders" and entry.pw_name not in allowed) or (
            rule == "service" and entry.pw_name == name
        )
        if refused and keys(home):
            changes.append(f"{entry.pw_name}: SSH keys set aside")
            if not dry:
                set_aside(home)
    return changes


def keys(home: Path) -> set[str]:
    """Return the keys that open an account, without their comments."""
    lines = [line for name in KEY_FILES if (home / name).is_file() for line in (home / name).read_text().splitlines()]
    return {without_comment(line) for line in lines if line.strip() and not line.lstrip().startswith("#")}


def without_comment(line: str) -> str:
    """Return a key's options, type and number."""
    match = KEY.match(line)
    return " ".join(f"{match['options']} {match['key']}".split()) if match else line.strip()


def set_aside(home: Path) -> None:
    """Put the key files where sshd does not look, for whoever will ask where they came from."""
    for name in KEY_FILES:
        if (home / name).is_file():
            (home / name).rename(home / f"{name}.refused")


def write(home: Path, entry: pwd.struct_passwd, allowed: list[str]) -> None:
    """Write an account's key file anew. Raise OSError when its owner put a link where the folder should be."""
    if not allowed:
        return
    folder = home / ".ssh"
    folder.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        os.fchown(descriptor, entry.pw_uid, entry.pw_gid)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        file = os.open("authorized_keys", flags, stat.S_IRUSR | stat.S_IWUSR, dir_fd=descriptor)
        with os.fdopen(file, "w") as stream:
            stream.write("".join(f"{key}\n" for key in allowed))
            os.fchown(stream.fileno(), entry.pw_uid, entry.pw_gid)
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    main()
