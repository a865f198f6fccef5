#!/usr/bin/python3
"""Set owners and groups, and take away the permission bits that are too many."""

from __future__ import annotations

import glob
import grp
import os
import pwd
import stat
from pathlib import Path
from typing import Any

from ansible.module_utils.role_settings import settings_module

DOCUMENTATION = r"""
module: file_mode
short_description: Set owners, groups and greatest modes
description:
  - Takes permission bits away, adds none but a sticky bit, and makes missing folders where a setting says so.
  - Never follows a link; a link where a file should be fails.
options:
  settings:
    description: The paths and who may touch them.
    type: list
    elements: dict
    required: true
"""

STICKY = 0o1000


def main() -> None:
    """Go through the settings, then report each change."""
    module = settings_module()
    changes: list[str] = []
    problems: list[str] = []
    for setting in module.params["settings"]:
        try:
            changes += close(setting, dry=module.check_mode)
        except (OSError, KeyError) as error:
            problems.append(f"{setting['path']}: {error}")
    if problems:
        module.fail_json(msg="; ".join(problems), changed=bool(changes), changes=changes)
    module.exit_json(changed=bool(changes), changes=changes)


def close(setting: dict[str, Any], *, dry: bool) -> list[str]:
    """Apply one setting; return what changed. Raise OSError or KeyError (no such account) when it cannot be."""
    changes = []
    paths = glob.glob(setting["path"])  # noqa: PTH207 - leaves hidden files out, as the shell that observes
    if not paths and setting.get("create") == "directory":
        changes.append(f"{setting['path']}: made")
        if dry:
            return changes
        make(setting["path"])
        paths = [setting["path"]]
    if not paths and not setting.get("absent_ok"):
        raise FileNotFoundError(2, "No such file or directory")
    for path in paths:
        changes += close_path(path, setting, dry=dry)
    return changes


def make(path: str) -> None:
    """Make a folder that nobody but root can enter yet, and its parents, that everybody can pass through."""
    Path(path).parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    Path(path).mkdir(mode=0o700)


def close_path(path: str, setting: dict[str, Any], *, dry: bool) -> list[str]:
    """Set one path's owner, group and mode, through a descriptor: nobody can put a link in its place meanwhile."""
    wanted = (pwd.getpwnam(setting["owner"]).pw_uid, grp.getgrnam(setting["group"]).gr_gid)
    most = int(setting["mode"], 8)
    flags = os.O_PATH | os.O_NOFOLLOW | (os.O_DIRECTORY if setting.get("create") else 0)
    descriptor = os.open(path, flags)
    try:
        now = os.fstat(descriptor)
        if stat.S_ISLNK(now.st_mode):
            raise OSError(40, "Is a symbolic link")
        opened = Path(f"/proc/self/fd/{descriptor}")
        changes = []
        if (now.st_uid, now.st_gid) != wanted:
            changes.append(f"{path}: {now.st_uid}:{now.st_gid} -> {setting['owner']}:{setting['group']}")
            if not dry:
                os.chown(opened, *wanted)
        before = stat.S_IMODE(now.st_mode)
        after = (before & (most | STICKY)) | (most & STICKY)
        if after != before:
            changes.append(f"{path}: {before:04o} -> {after:04o}")
        if not dry and changes:
            opened.chmod(after)
        return changes
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    main()
