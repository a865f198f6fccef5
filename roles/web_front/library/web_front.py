"""Ansible module: one site for nginx, alone, loaded; and no query of a past request in its log."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import Any

from ansible.module_utils.placed_files import holds, own
from ansible.module_utils.programs import run
from ansible.module_utils.role_settings import settings_module
from ansible.module_utils.systemd_units import active_and_enabled, systemctl

FOLDERS = (Path("/etc/nginx/sites-enabled"), Path("/etc/nginx/conf.d"))
LOGS = (Path("/var/log/nginx/access.log"), Path("/var/log/nginx/access.log.1"))
UNIT = "nginx.service"
QUERY = re.compile(rb'("[A-Z]+ [^" ?]*)\?[^" ]*')


def write(path: Path, file: dict[str, Any]) -> None:
    """Write a file, whole at every moment."""
    # Not in nginx's folders of sites: a draft that a crash leaves behind would be a second one.
    draft = path.parent.parent / f".{path.name}.new"
    draft.write_text(file["text"])
    own(draft, int(file["mode"], 8))
    draft.replace(path)


def stale(paths: list[Path]) -> bool:
    """Tell whether a file changed after nginx last read its configuration: each time, it starts new workers."""
    main_process = systemctl("show", "-P", "MainPID", UNIT).stdout.strip()
    try:
        workers = Path(f"/proc/{main_process}/task/{main_process}/children").read_text().split()
        uptime = float(Path("/proc/uptime").read_text().split()[0])
        starts = [int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]) for pid in workers]
    except (OSError, ValueError):
        return True
    age = uptime - max(starts, default=0) / os.sysconf("SC_CLK_TCK")
    return any(time.time() - path.stat().st_ctime < age for path in paths if path.exists())


def forget_queries(*, dry: bool) -> list[str]:
    """Cut what stands behind question marks out of the log's lines; the file stays the same one, which nginx holds."""
    changes = []
    for path in LOGS:
        text = path.read_bytes() if path.is_file() else b""
        clean = QUERY.sub(rb"\1", text)
        if clean != text:
            changes.append(f"{path}: queries")
            if not dry:
                path.write_bytes(clean)
    return changes


def enforce(files: dict[Path, dict[str, Any]], *, dry: bool) -> list[str]:
    """Write the site, remove what stands beside it, have nginx read it; return what that was."""
    changed = [path for path, file in files.items() if not holds(path, file["text"], int(file["mode"], 8))]
    beside = [path for folder in FOLDERS for path in sorted(folder.glob("*")) if path not in files]
    runs = active_and_enabled(UNIT)
    late = runs and not changed and not beside and stale(list(files))
    if not dry:
        for path in beside:
            path.unlink()
        for path in changed:
            write(path, files[path])
        if changed or beside or late or not runs:
            run("nginx", "-t", "-q")
            run("systemctl", "unmask", "--quiet", UNIT)
            run("systemctl", "enable", "--quiet", UNIT)
            run("systemctl", "reload-or-restart", UNIT)
    return [*map(str, changed), *(f"{path} removed" for path in beside), *([] if runs and not late else [UNIT])]


def main() -> None:
    """Make the site so."""
    module = settings_module()
    files = {Path(file["path"]): file for setting in module.params["settings"] for file in setting["files"]}
    try:
        changes = enforce(files, dry=module.check_mode) + forget_queries(dry=module.check_mode)
    except (OSError, ValueError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=bool(changes), changes=changes)


if __name__ == "__main__":
    main()
