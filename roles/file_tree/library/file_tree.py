#!/usr/bin/python3
"""Close what no file of the machine may be: without owner, open to all, giving rights that nobody declared."""

from __future__ import annotations

import errno
import grp
import os
import pwd
import stat
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from ansible.module_utils.role_settings import settings_module

DOCUMENTATION = r"""
module: file_tree
short_description: Close files without owner, open to all, or with undeclared rights
description:
  - Walks the machine's own file systems once. Nothing is removed, and no content is touched.
  - A file without owner becomes root's, and is closed to others.
  - A file that all may write loses that bit; a folder that all may write gets the sticky bit.
  - A program that gives rights and is not declared loses its setuid and setgid bits.
options:
  settings:
    description: The rules, and the paths that each spares.
    type: list
    elements: dict
    required: true
"""

LEFT_OUT = frozenset(
    (
        *("autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "debugfs", "devpts", "efivarfs", "fusectl"),
        *("hugetlbfs", "mqueue", "nsfs", "proc", "pstore", "rpc_pipefs", "securityfs", "sysfs", "tracefs"),
        *("afs", "ceph", "cifs", "fuse.sshfs", "nfs", "nfs4", "smb3"),
    )
)


class Known:
    """The machine's accounts and groups, by number."""

    def __init__(self) -> None:
        self.users = {each.pw_uid for each in pwd.getpwall()}
        self.groups = {each.gr_gid for each in grp.getgrall()}

    def wrong(self, rule: str, seen: os.stat_result) -> bool:
        """Tell whether a file is what a rule refuses."""
        file, folder = stat.S_ISREG(seen.st_mode), stat.S_ISDIR(seen.st_mode)
        if rule == "unowned":
            return seen.st_uid not in self.users or seen.st_gid not in self.groups
        if rule == "world_writable":
            return file and bool(seen.st_mode & stat.S_IWOTH)
        if rule == "unsticky":
            return folder and bool(seen.st_mode & stat.S_IWOTH) and not seen.st_mode & stat.S_ISVTX
        return file and bool(seen.st_mode & (stat.S_ISUID | stat.S_ISGID))


def left_out() -> frozenset[str]:
    """Return the folders on which file systems are mounted that are not the machine's own."""
    with Path("/proc/self/mounts").open(encoding="utf-8", errors="surrogateescape") as lines:
        mounts = [line.split(" ")[1:3] for line in lines]
    return frozenset(point for point, sort in mounts if sort in LEFT_OUT)


def walk(top: str, beside: frozenset[str]) -> Iterator[tuple[str, os.stat_result]]:
    """Yield every file and folder with what lstat(2) says; what is gone by then is passed over."""
    waiting = [top]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.path in beside:
                        continue
                    yield entry.path, entry.stat(follow_symlinks=False)
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except FileNotFoundError:
            continue


def spared(path: str, allowed: list[str]) -> bool:
    """Tell whether a path is one of those allowed."""
    names = path.split("/")
    patterns = [pattern.split("/") for pattern in allowed]
    return any(len(names) == len(parts) and all(map(fnmatchcase, names, parts)) for parts in patterns)


def close(rule: str, path: str, seen: os.stat_result) -> None:
    """Mend one file; raise OSError when it is not what was seen any more."""
    if rule == "unowned" and stat.S_ISLNK(seen.st_mode):
        os.chown(path, 0, 0, follow_symlinks=False)
        return
    # Opened without following links, and compared: somebody may put another file in its place meanwhile.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        now = os.fstat(descriptor)
        if (now.st_dev, now.st_ino) != (seen.st_dev, seen.st_ino):
            raise FileExistsError(errno.EEXIST, "replaced meanwhile", path)
        mode = stat.S_IMODE(now.st_mode)
        if rule == "unowned":
            os.fchown(descriptor, 0, 0)
            mode &= 0o1700
        elif rule == "world_writable":
            mode &= ~stat.S_IWOTH
        elif rule == "unsticky":
            mode |= stat.S_ISVTX
        else:
            mode &= ~(stat.S_ISUID | stat.S_ISGID)
        os.fchmod(descriptor, mode)
    finally:
        os.close(descriptor)


def changes_to_make(settings: list[dict[str, Any]]) -> list[tuple[str, str, os.stat_result]]:
    """Return what breaks a rule: the rule, the path, and what was seen there."""
    known = Known()
    return [
        (setting["rule"], path, seen)
        for path, seen in walk("/", left_out())
        for setting in settings
        if known.wrong(setting["rule"], seen) and not spared(path, setting.get("allowed") or [])
    ]


def main() -> None:
    """Walk, and close what is open."""
    module = settings_module()
    found = changes_to_make(module.params["settings"])
    changes = [f"{rule}: {path.encode('utf-8', 'replace').decode()}" for rule, path, _ in found]
    if not module.check_mode:
        try:
            for rule, path, seen in found:
                close(rule, path, seen)
        except OSError as error:
            module.fail_json(msg=str(error), changes=changes)
    module.exit_json(changed=bool(changes), changes=changes)


if __name__ == "__main__":
    main()
