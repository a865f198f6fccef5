"""Accounts and groups of the machine, and the commands that make them."""

from __future__ import annotations

import grp
import pwd
from pathlib import Path

NO_LOGIN = "/usr/sbin/nologin"
NONE = -1
"""The number of no group."""
SHADOW = Path("/etc/shadow")
Command = tuple[str, ...]


def has_account(name: str) -> bool:
    """Tell whether there is such an account."""
    return any(entry.pw_name == name for entry in pwd.getpwall())


def has_group(name: str) -> bool:
    """Tell whether there is such a group."""
    return group_number(name) != NONE


def group_number(name: str) -> int:
    """Return a group's number; NONE where there is no such group."""
    return next((group.gr_gid for group in grp.getgrall() if group.gr_name == name), NONE)


def password(name: str) -> str:
    """Return the account's password field in /etc/shadow; `!` where it has no line."""
    lines = (line.split(":") for line in SHADOW.read_text().splitlines())
    return next((fields[1] for fields in lines if fields[0] == name), "!")


def service_account(name: str) -> Command:
    """Return what makes the account of a service: no home, no shell, a group of its name."""
    group = ("--gid", name) if has_group(name) else ("--user-group",)
    nowhere = ("--no-create-home", "--home-dir", "/nonexistent", "--shell", NO_LOGIN)
    return ("useradd", "--system", *group, *nowhere, name)


def account_with_a_door(name: str, home: Path, door: str) -> list[Command]:
    """Return what makes an account whose shell is one program, its door, or takes back what it has beyond that."""
    made: list[Command] = [] if has_group(name) else [("groupadd", "--system", name)]
    fresh = ("useradd", "--system", "--gid", name, "--no-create-home", "--home-dir", str(home), "--shell", door, name)
    if not has_account(name):
        return [*made, fresh]
    entry = pwd.getpwnam(name)
    if entry.pw_uid == 0:
        # Root under another name: nothing of it can be kept, and its processes are everybody's.
        return [("userdel", "--force", name), *made, fresh]
    wrong: list[Command] = []
    if (entry.pw_dir, entry.pw_shell) != (str(home), door):
        wrong.append(("usermod", "--home", str(home), "--shell", door, name))
    if made or entry.pw_gid != group_number(name) or any(name in group.gr_mem for group in grp.getgrall()):
        wrong += [*made, ("usermod", "--gid", name, "--groups", "", name)]
    if password(name)[:1] not in ("!", "*"):
        wrong.append(("usermod", "--password", "!", name))
    return wrong
