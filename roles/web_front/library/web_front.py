"""Ansible module: one site for nginx, alone, loaded; and no query of a past request in its log."""

from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

FOLDERS = (Path("/etc/nginx/sites-enabled"), Path("/etc/nginx/conf.d"))
LOGS = (Path("/var/log/nginx/access.log"), Path("/var/log/nginx/access.log.1"))
UNIT = "nginx.service"
QUERY = re.compile(rb'("[A-Z]+ [^" ?]*)\?[^" ]*')


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
    draft = path.parent.parent / f".{path.name}.new"
    draft.write_text(file["text"])
    os.chown(draft, 0, 0)
    draft.chmod(int(file["mode"], 8))
    draft.replace(path)


def stale(paths: list[Path]) -> bool:
    """Tell whether a file changed after nginx last read its configuration: each time, it starts new workers."""
    shown = subprocess.run(["systemctl", "show", "-P", "MainPID", UNIT], capture_output=True, text=True, check=False)
    main_process = shown.stdout.strip()
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
    changed = [path for path, file in files.items() if differs(path, file)]
    beside = [path for folder in FOLDERS for path in sorted(folder.glob("*")) if path not in files]
    runs = all(succeeds("systemctl", verb, "--quiet", UNIT) for verb in ("is-active", "is-enabled"))
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
    arguments = {"settings": {"type": "list", "elements": "dict", "required": True}}
    module = AnsibleModule(argument_spec=arguments, supports_check_mode=True)
    files = {Path(file["path"]): file for setting in module.params["settings"] for file in setting["files"]}
    try:
        changes = enforce(files, dry=module.check_mode) + forget_queries(dry=module.check_mode)
    except (OSError, ValueError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=bool(changes), changes=changes)


if __name__ == "__main__":
    main()
