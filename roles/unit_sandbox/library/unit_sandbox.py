"""Ansible module: one drop-in a service; a service is restarted only when its sandbox changes."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

FOLDERS = (Path("/etc/systemd/system"), Path("/run/systemd/system"), Path("/etc/systemd/system.control"))
OURS = "zz-beffroi-sandbox.conf"  # read last: of two values for one property, systemd takes the last


def systemctl(*words: str) -> subprocess.CompletedProcess[str]:
    """Run systemctl and return what it answered, whether it succeeded or not."""
    return subprocess.run(["systemctl", *words], capture_output=True, text=True, check=False)


def drop_in(setting: dict[str, Any]) -> str:
    """Return our drop-in's text."""
    lines = [f"{name}={value}" for name, value in sorted(setting["properties"].items())]
    return "\n".join(["# Written by the role unit_sandbox.", "[Service]", *lines]) + "\n"


def rivals(setting: dict[str, Any]) -> list[Path]:
    """Return the drop-ins of others that are read after ours and set one of our properties."""
    ours = re.compile(rf"^\s*({'|'.join(setting['properties'])})\s*=", re.MULTILINE)
    found = [path for folder in FOLDERS for path in sorted(folder.glob(f"{setting['unit']}.d/*.conf"))]
    return [path for path in found if path.name != OURS and path.name > OURS and ours.search(path.read_text())]


def runs_as_wanted(setting: dict[str, Any]) -> bool:
    """Tell whether the service runs, from what is on disk, in its sandbox."""
    names = ["ActiveState", "NeedDaemonReload", "MainPID", *setting["properties"]]
    shown = systemctl("show", "-p", ",".join(names), setting["unit"]).stdout.splitlines()
    found = dict(line.split("=", 1) for line in shown if "=" in line)
    if found.get("ActiveState") != "active" or found.get("NeedDaemonReload") != "no":
        return False
    wanted = setting["properties"]
    if any(set(found.get(name, "").lower().split()) != set(value.lower().split()) for name, value in wanted.items()):
        return False
    status = Path("/proc", found.get("MainPID", "0"), "status")
    confined = status.is_file() and re.search(r"^NoNewPrivs:\s*1$", status.read_text(), re.MULTILINE)
    return wanted.get("NoNewPrivileges") != "yes" or bool(confined)


def confine(settings: list[dict[str, Any]], texts: dict[Path, str], others: list[Path]) -> None:
    """Write the drop-ins and restart the services; raise ValueError when one does not come back."""
    for path in others:
        path.unlink()
    for path, text in texts.items():
        path.parent.mkdir(mode=0o755, exist_ok=True)
        path.write_text(text)
        path.chmod(0o644)
    systemctl("daemon-reload")
    for setting in settings:
        done = systemctl("restart", setting["unit"])
        if done.returncode:
            raise ValueError(done.stderr.strip())


def main() -> None:
    """Confine what is not confined yet."""
    arguments = {"settings": {"type": "list", "elements": "dict", "required": True}}
    module = AnsibleModule(argument_spec=arguments, supports_check_mode=True)
    loose: list[dict[str, Any]] = []
    texts: dict[Path, str] = {}
    others: list[Path] = []
    for setting in module.params["settings"]:
        path, text = FOLDERS[0] / f"{setting['unit']}.d" / OURS, drop_in(setting)
        late = rivals(setting)
        if late or not path.is_file() or path.read_text() != text or not runs_as_wanted(setting):
            loose.append(setting)
            texts[path] = text
            others += late
    if loose and not module.check_mode:
        try:
            confine(loose, texts, others)
        except (OSError, ValueError) as error:
            module.fail_json(msg=str(error))
    module.exit_json(changed=bool(loose), changes=[setting["unit"] for setting in loose])


if __name__ == "__main__":
    main()
