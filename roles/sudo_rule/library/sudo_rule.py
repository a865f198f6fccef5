"""Ansible module: sudoers, whole. What others left in sudoers.d is moved aside, not deleted."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

from ansible.module_utils.placed_files import says
from ansible.module_utils.role_settings import settings_module

SUDOERS = Path("/etc/sudoers")
FOLDER = Path("/etc/sudoers.d")
OURS = FOLDER / "zz-beffroi"  # read last: of two values for one option, sudo takes the last
ASIDE = Path("/var/backups/beffroi-sudoers.d")
KEPT = {"README", OURS.name}

# What Debian ships, without its rules: the declared accounts have theirs in OURS.
SUDOERS_TEXT = """# Written by the role sudo_rule.
Defaults\tenv_reset
Defaults\tmail_badpass
Defaults\tsecure_path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
Defaults\tuse_pty
@includedir /etc/sudoers.d
"""


def ours(settings: list[dict[str, Any]]) -> str:
    """Return the text of our file."""
    lines = ["# Written by the role sudo_rule."]
    for setting in settings:
        if setting["rule"] == "default":
            lines.append(f"Defaults {written(setting['option'], setting['value'])}")
            exempt = setting.get("exempt") or {}
            lines += [f"Defaults:{who} {written(setting['option'], value)}" for who, value in exempt.items()]
    for setting in settings:
        if setting["rule"] == "accounts":
            free = set(setting["without_password"])
            lines += [f"{who} ALL=(ALL:ALL) {'NOPASSWD: ' * (who in free)}ALL" for who in setting["accounts"]]
    return "\n".join(lines) + "\n"


def written(option: str, value: str) -> str:
    """Write an option as sudoers(5) does."""
    return {"on": option, "off": f"!{option}"}.get(value, f"{option}={value}")


def install(path: Path, text: str) -> None:
    """Write a file that visudo has accepted; raise ValueError when it does not."""
    draft = path.with_name(f".{path.name}.new")
    draft.write_text(text)
    draft.chmod(0o440)
    checked = subprocess.run(["visudo", "-c", "-q", "-f", str(draft)], capture_output=True, text=True, check=False)
    if checked.returncode:
        draft.unlink()
        raise ValueError(checked.stdout + checked.stderr)
    draft.replace(path)


def main() -> None:
    """Write our file first: it holds the rule by which the work goes on."""
    module = settings_module()
    settings = module.params["settings"]
    wanted = {OURS: ours(settings)}
    strangers: list[Path] = []
    if any(setting["rule"] == "accounts" for setting in settings):
        wanted[SUDOERS] = SUDOERS_TEXT
        strangers = sorted(path for path in FOLDER.iterdir() if path.name not in KEPT)
    changed = {path: text for path, text in wanted.items() if not says(path, text)}
    if not module.check_mode:
        try:
            for path, text in changed.items():
                install(path, text)
            for path in strangers:
                ASIDE.mkdir(mode=0o700, parents=True, exist_ok=True)
                path.replace(ASIDE / path.name)
        except (OSError, ValueError) as error:
            module.fail_json(msg=str(error))
    changes = [*map(str, changed), *map(str, strangers)]
    module.exit_json(changed=bool(changes), changes=changes)


if __name__ == "__main__":
    main()
