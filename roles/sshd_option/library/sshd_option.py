#!/usr/bin/python3
"""Set options of the OpenSSH server in a drop-in that is read first; refuse what `sshd -t` refuses."""

from __future__ import annotations

import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.role_settings import settings_module

DOCUMENTATION = r"""
module: sshd_option
short_description: Set options of the OpenSSH server
description:
  - Writes /etc/ssh/sshd_config.d/00-beffroi.conf, because sshd keeps the first value that it reads.
  - Comments out lines of other files that would win over it (files that sort before, Match sections, foreign Includes).
  - Puts everything back when `sshd -t` refuses the outcome; reloads the daemon when it has not read the files.
options:
  settings:
    description: The options and their values.
    type: list
    elements: dict
    required: true
"""

MAIN = Path("/etc/ssh/sshd_config")
FOLDER = Path("/etc/ssh/sshd_config.d")
OURS = FOLDER / "00-beffroi.conf"
INCLUDE = "Include /etc/ssh/sshd_config.d/*.conf"
COMMENT = "# beffroi: "


def main() -> None:
    """Bring the files to what the settings ask, then the daemon to what the files say."""
    module = settings_module("option", "value")
    values = {setting["option"]: setting["value"] for setting in module.params["settings"]}
    before = {path: path.read_text() for path in (MAIN, *FOLDER.glob("*.conf"))}
    after = wanted(before, values)
    changes = [f"{path}: written" for path, text in after.items() if before.get(path) != text]
    stale = bool(changes) or unread()
    if not module.check_mode:
        write(module, before, after)
        if stale:
            run(module, "systemctl", "try-reload-or-restart", "ssh.service")
    module.exit_json(changed=stale, changes=changes or (["ssh.service: reloaded"] if stale else []))


def wanted(before: dict[Path, str], values: dict[str, str]) -> dict[Path, str]:
    """Return every file's text as it should be."""
    after = {path: silenced(path, text, values) for path, text in before.items() if path != OURS}
    first = next((line for line in after[MAIN].splitlines() if line.strip() and not line.startswith("#")), "")
    if first.split() != INCLUDE.split():
        after[MAIN] = f"{INCLUDE}\n{after[MAIN]}"
    lines = [f"{option} {value}" for option, value in sorted(values.items())]
    return {**after, OURS: "\n".join(["# Written by Beffroi from the town's controls.", *lines, ""])}


def silenced(path: Path, text: str, values: dict[str, str]) -> str:
    """Return `text` with the lines commented out that would give an option another value than ours."""
    lowered = {option.lower(): value.lower() for option, value in values.items()}
    read_before_ours = path.parent == FOLDER and path.name < OURS.name
    in_match = False
    lines = []
    for line in text.splitlines():
        option, value = parsed(line)
        in_match = in_match or option == "match"
        overrides = (in_match or read_before_ours) and option in lowered and value != lowered[option]
        foreign = option == "include" and line.split() != INCLUDE.split()
        lines.append(COMMENT + line if overrides or foreign else line)
    return "\n".join(lines) + "\n"


def parsed(line: str) -> tuple[str, str]:
    """Return a line's option and value in lower case."""
    option, _, value = re.sub(r"[\s=]+", " ", line.strip(), count=1).partition(" ")
    return option.lower(), value.strip().strip('"').lower()


def unread() -> bool:
    """Tell whether a file changed after the daemon last read it."""
    show = ("systemctl", "show", "--timestamp=us+utc", "-p", "ActiveState", "-p", "StateChangeTimestamp", "ssh.service")
    lines = subprocess.run(show, capture_output=True, text=True, check=True).stdout.splitlines()
    shown = dict(line.split("=", 1) for line in lines)
    if shown["ActiveState"] != "active" or not shown["StateChangeTimestamp"]:
        return False
    since = datetime.strptime(shown["StateChangeTimestamp"], "%a %Y-%m-%d %H:%M:%S.%f %Z").replace(tzinfo=UTC)
    return any(path.stat().st_mtime > since.timestamp() for path in (MAIN, FOLDER, *FOLDER.iterdir()))


def write(module: AnsibleModule, before: dict[Path, str], after: dict[Path, str]) -> None:
    """Write what differs; put it back and fail when sshd refuses it."""
    differing = {path: text for path, text in after.items() if before.get(path) != text}
    for path, text in differing.items():
        path.write_text(text)
        if path not in before:
            path.chmod(0o600)
    if not differing:
        return
    try:
        run(module, "/usr/sbin/sshd", "-t")
    except subprocess.CalledProcessError as error:
        for path in differing:
            path.write_text(before[path]) if path in before else path.unlink()
        module.fail_json(msg=f"sshd refuses the settings, nothing was changed: {error.stderr.strip()}")


def run(module: AnsibleModule, *command: str) -> None:
    """Run a command; raise CalledProcessError when it fails."""
    code, out, err = module.run_command(list(command))
    if code != 0:
        raise subprocess.CalledProcessError(code, command, out, err)


if __name__ == "__main__":
    main()
