#!/usr/bin/python3
"""Write files exactly, and have the services that read them do so."""

from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.placed_files import holds, place_file
from ansible.module_utils.role_settings import settings_module

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
    module = settings_module()
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
    path, content, mode = Path(setting["path"]), str(setting["content"]), int(setting["mode"], 8)
    changes = [f"{other}: removed" for other in setting["removed"] if os.path.lexists(other)]
    if not (path.is_file() and holds(path, content, mode, ids(setting))):
        changes.append(f"{path}: written")
    if changes and not dry:
        for other in setting["removed"]:
            Path(other).unlink(missing_ok=True)
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        place_file(path, content, mode, ids(setting))
    return changes


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
