"""Ansible module: what erases old rows of databases: the SQL, the service that runs it as postgres, the timer."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

UNITS = Path("/etc/systemd/system")
SERVICE = """# Written by the role database.
[Unit]
Description=Erase the rows that outlived their retention: {path}
After=postgresql.service

[Service]
Type=oneshot
User=postgres
ExecStart={command}
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
PrivateNetwork=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
NoNewPrivileges=yes
CapabilityBoundingSet=
RestrictAddressFamilies=AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
Nice=10
IOSchedulingClass=idle
"""
TIMER = """# Written by the role database.
[Unit]
Description=Erase the rows that outlived their retention: {path}

[Timer]
OnCalendar={calendar}
Persistent=true
AccuracySec=1min

[Install]
WantedBy=timers.target
"""


def systemctl(*words: str) -> subprocess.CompletedProcess[str]:
    """Run systemctl and return what it answered, whether it succeeded or not."""
    return subprocess.run(["systemctl", *words], capture_output=True, text=True, check=False)


def service_of(erasure: dict[str, Any]) -> str:
    """Return the service that a timer starts."""
    return str(erasure["timer"]).removesuffix(".timer") + ".service"


def files_of(erasure: dict[str, Any]) -> dict[Path, str]:
    """Return the files of an erasure, and their text."""
    return {
        Path(erasure["path"]): erasure["text"],
        UNITS / erasure["timer"]: TIMER.format(**erasure),
        UNITS / service_of(erasure): SERVICE.format(**erasure),
    }


def stale(path: Path, text: str) -> bool:
    """Tell whether a file is not root's own, of 0644, with its text."""
    if path.is_symlink() or not path.is_file() or path.read_text() != text:
        return True
    held = path.stat()
    return (held.st_uid, held.st_gid, held.st_mode & 0o7777) != (0, 0, 0o644)


def write(path: Path, text: str) -> None:
    """Write a file of root's that everybody may read."""
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_text(text)
    path.chmod(0o644)


def overrides_of(erasure: dict[str, Any]) -> list[Path]:
    """Return the drop-in folders that would change an erasure behind its back."""
    return [UNITS / f"{unit}.d" for unit in (erasure["timer"], service_of(erasure)) if (UNITS / f"{unit}.d").exists()]


def in_order(erasure: dict[str, Any]) -> bool:
    """Tell whether the timer waits, at boot too, whether the last run went well, and whether no row is overdue."""
    shown = {}
    for properties, unit in (("ActiveState,UnitFileState", erasure["timer"]), ("Result", service_of(erasure))):
        lines = systemctl("show", "-p", properties, unit).stdout.split("\n")
        shown.update(line.split("=", 1) for line in lines if "=" in line)
    ran = systemctl("show", "-P", "ExecMainExitTimestamp", service_of(erasure)).stdout.strip()
    ran = ran or systemctl("show", "-P", "LastTriggerUSec", erasure["timer"]).stdout.strip()
    waits = (shown.get("ActiveState"), shown.get("UnitFileState")) == ("active", "enabled")
    return waits and shown.get("Result") == "success" and bool(ran) and not overdue(erasure)


def overdue(erasure: dict[str, Any]) -> bool:
    """Tell whether a row outlived its retention; a table that is not there is told by the service's own failure."""
    database = erasure["command"].split("--dbname=")[1].split()[0]
    for date in erasure["dates"]:
        table, column = date.split(".")
        question = f"""SELECT EXISTS (SELECT FROM "{table}" WHERE "{column}" < now()
            - interval '{erasure["retention_minutes"]} minutes')"""
        words = ("runuser", "-u", "postgres", "--", "psql", "-XAtq", "-d", database, "-c", question)
        done = subprocess.run(words, capture_output=True, text=True, check=False, cwd="/")
        if done.stdout.strip() != "f":
            return True
    return False


def set_up(erasure: dict[str, Any]) -> None:
    """Enable and start the timer, and have its service run once; raise ValueError when that fails."""
    timer, service = erasure["timer"], service_of(erasure)
    systemctl("unmask", timer, service)
    for words in (("enable", "--quiet", timer), ("restart", timer), ("start", service)):
        done = systemctl(*words)
        if done.returncode:
            raise ValueError(done.stderr.strip())


def see_to(erasure: dict[str, Any], *, dry: bool) -> list[str]:
    """Write what is stale, reload, set up what is not in order; return what changed."""
    changed = {path: text for path, text in files_of(erasure).items() if stale(path, text)}
    overrides = overrides_of(erasure)
    late = bool(changed or overrides) or not in_order(erasure)
    if late and not dry:
        for folder in overrides:
            shutil.rmtree(folder)
        for path, text in changed.items():
            write(path, text)
        if changed or overrides:
            systemctl("daemon-reload")
        set_up(erasure)
    return [*map(str, changed), *map(str, overrides), *([erasure["timer"]] if late else [])]


def main() -> None:
    """See to every database's erasure."""
    arguments = {"settings": {"type": "list", "elements": "dict", "required": True}}
    module = AnsibleModule(argument_spec=arguments, supports_check_mode=True)
    erasures = [setting["erasure"] for setting in module.params["settings"] if setting.get("erasure")]
    try:
        changes = [change for erasure in erasures for change in see_to(erasure, dry=module.check_mode)]
    except (OSError, ValueError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=bool(changes), changes=changes)


if __name__ == "__main__":
    main()
