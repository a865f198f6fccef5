#!/usr/bin/python3
"""Write files exactly, and have the services that read them do so."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: config_file
short_description: Write files exactly
description:
  - Writes each file beside its place and moves it there, so that no reader meets half of it.
  - Reloads (or restarts, where a unit cannot reload) the units whose files changed, if they run.
options:
  settings:
    description: The files.
    type: list
    elements: dict
    required: true
"""


def main() -> None:
    """Write what differs, remove what must not be there, reload who reads it."""
    module = AnsibleModule(
        argument_spec={"settings": {"type": "list", "elements": "dict", "required": True}}, supports_check_mode=True
    )
    changes: list[str] = []
    services: list[str] = []
    for setting in module.params["settings"]:
        try:
            changed = apply(setting, dry=module.check_mode)
        except (OSError, KeyError) as error:
            module.fail_json(msg=f"{setting['path']}: {error}", changed=bool(changes), changes=changes)
        changes += changed
        if changed and setting["service"]:
            services.append(setting["service"])
    for service in dict.fromkeys(services):
        changes.append(f"{service}: reloaded")
        if not module.check_mode:
            reload(module, service)
    module.exit_json(changed=bool(changes), changes=changes)


def apply(setting: dict[str, Any], *, dry: bool) -> list[str]:
    """Bring one file to its setting; return what changed. Raise OSError or KeyError (no such account)."""
    path = Path(setting["path"])
    changes = [f"{other}: removed" for other in setting["removed"] if os.path.lexists(other)]
    if not is_right(path, setting):
        changes.append(f"{path}: written")
    if changes and not dry:
        for other in setting["removed"]:
            Path(other).unlink(missing_ok=True)
        write(path, setting)
    return changes


def is_right(path: Path, setting: dict[str, Any]) -> bool:
    """Tell whether the file is what it must be."""
    if path.is_symlink() or not path.is_file():
        return False
    now = path.stat()
    owners = (now.st_uid, now.st_gid) == ids(setting)
    return owners and stat.S_IMODE(now.st_mode) == int(setting["mode"], 8) and path.read_bytes() == content(setting)


def write(path: Path, setting: dict[str, Any]) -> None:
    """Write the file beside its place, then move it there."""
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.beffroi")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content(setting))
        os.fchown(stream.fileno(), *ids(setting))
        os.fchmod(stream.fileno(), int(setting["mode"], 8))
    draft.replace(path)


def content(setting: dict[str, Any]) -> bytes:
    """Return the file's content."""
    return str(setting["content"]).encode()


def ids(setting: dict[str, Any]) -> tuple[int, int]:
    """Return the numbers of the file's owner and group. Raise KeyError when there is no such account or group."""
    return pwd.getpwnam(setting["owner"]).pw_uid, grp.getgrnam(setting["group"]).gr_gid


def reload(module: AnsibleModule, service: str) -> None:
    """Have a unit that runs read its files again; fail the module when it cannot."""
    code, _, err = module.run_command(["systemctl", "try-reload-or-restart", service])
    if code != 0:
        module.fail_json(msg=f"{service}: {err.strip()}", changed=True)


if __name__ == "__main__":
    main()
