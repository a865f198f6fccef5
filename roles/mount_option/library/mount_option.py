#!/usr/bin/python3
"""Give mounts their options, now and at every boot."""

from __future__ import annotations

from pathlib import Path

from ansible.module_utils.placed_files import place_file, says
from ansible.module_utils.programs import run_or_fail
from ansible.module_utils.role_settings import settings_module

DOCUMENTATION = r"""
module: mount_option
short_description: Give mounts their options
description:
  - Remounts each folder (`remount,bind` changes the mount alone, so it works in containers too).
  - A folder that is no mount is first mounted on itself.
  - A unit of its own does the same at every boot, after whatever mounted the folders (fstab, systemd, a container).
options:
  settings:
    description: The folders and their options.
    type: list
    elements: dict
    required: true
"""

UNIT = Path("/etc/systemd/system/beffroi-mounts.service")
LINK = Path("/etc/systemd/system/sysinit.target.wants/beffroi-mounts.service")


def main() -> None:
    """Write the unit, then remount what differs."""
    module = settings_module()
    wanted = {setting["path"]: sorted(setting["options"]) for setting in module.params["settings"]}
    changes = []
    text = unit(wanted)
    if not LINK.is_symlink() or not says(UNIT, text):
        changes.append(f"{UNIT}: written")
        if not module.check_mode:
            place_file(UNIT, text, 0o644)
            run_or_fail(module, "systemctl", "daemon-reload")
            run_or_fail(module, "systemctl", "enable", UNIT.name)
    now = mounts()
    for path, options in wanted.items():
        if not set(options) <= now.get(path, set()):
            changes.append(f"{path}: {','.join(options)}")
            if not module.check_mode:
                run_or_fail(module, "/bin/sh", "-ec", command(path, options))
    module.exit_json(changed=bool(changes), changes=changes)


def unit(wanted: dict[str, list[str]]) -> str:
    """Return the unit that gives the mounts their options at boot."""
    # A leading hyphen: one folder that cannot be mounted does not leave the others as they are.
    lines = [f"ExecStart=-/bin/sh -ec '{command(path, options)}'" for path, options in sorted(wanted.items())]
    return "\n".join(
        [
            "# Written by Beffroi from the town's controls.",
            "[Unit]",
            "Description=Mount options that the town's controls ask for",
            "DefaultDependencies=no",
            "After=local-fs.target",
            "Before=sysinit.target",
            "[Service]",
            "Type=oneshot",
            "RemainAfterExit=yes",
            *lines,
            "[Install]",
            "WantedBy=sysinit.target",
            "",
        ]
    )


def command(path: str, options: list[str]) -> str:
    """Return the shell command that gives one folder its options."""
    # Private: a mount made on it later must not appear beneath it too.
    made = f"mount --bind {path} {path} && mount --make-private {path}"
    return f"mountpoint -q {path} || {{ {made}; }}; mount -o remount,bind,{','.join(options)} {path}"


def mounts() -> dict[str, set[str]]:
    """Return the options of what is mounted on each folder, uppermost: the one that no other covers."""
    lines = [line.split(" ") for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    covered = {(parent, point) for _, parent, _, _, point, *_ in lines}
    return {point: set(options.split(",")) for own, _, _, _, point, options, *_ in lines if (own, point) not in covered}


if __name__ == "__main__":
    main()
