#!/usr/bin/python3
"""Set kernel parameters, in the running kernel and for every boot."""

from __future__ import annotations

from pathlib import Path

from ansible.module_utils.placed_files import place_file, says
from ansible.module_utils.role_settings import settings_module

DOCUMENTATION = r"""
module: sysctl
short_description: Set kernel parameters
description:
  - Writes /etc/sysctl.d/99-zz-beffroi.conf, which is read last, and the values themselves below /proc/sys.
  - A parameter that this machine may not set (a container shares its computer's kernel) or does not have is left alone
    and named in `left_alone`; verification tells whether that is a failure.
options:
  settings:
    description: The parameters and their values.
    type: list
    elements: dict
    required: true
"""

PROC = Path("/proc/sys")
FILE = Path("/etc/sysctl.d/99-zz-beffroi.conf")
RESETS_OTHERS = ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding")
"""Writing these resets other parameters of the network (Linux, ip-sysctl): they come first."""


def main() -> None:
    """Write the file, then each value that differs."""
    module = settings_module("name", "value")
    settings = sorted(
        ((setting["name"], setting["value"]) for setting in module.params["settings"]),
        key=lambda pair: (pair[0] not in RESETS_OTHERS, pair[0]),
    )
    changes = keep(settings, dry=module.check_mode)
    left_alone = []
    for name, value in settings:
        files = list(PROC.glob(name.replace(".", "/")))
        try:
            changes += [change for path in files if (change := put(path, value, dry=module.check_mode))]
        except OSError as error:
            left_alone.append(f"{name}: {error.strerror}")
        if not files:
            left_alone.append(f"{name}: no such parameter")
    module.exit_json(changed=bool(changes), changes=changes, left_alone=left_alone)


def keep(settings: list[tuple[str, str]], *, dry: bool) -> list[str]:
    """Write the file that the next boot reads."""
    # A leading hyphen: systemd-sysctl does not fail for a parameter that a machine lacks or may not set.
    lines = [f"-{name} = {value}" for name, value in settings]
    text = "\n".join(["# Written by Beffroi from the town's controls.", *lines, ""])
    if says(FILE, text):
        return []
    if not dry:
        place_file(FILE, text, 0o644)
    return [f"{FILE}: written"]


def put(path: Path, value: str, *, dry: bool) -> str:
    """Write one value if it differs; return what changed. Raise OSError when the kernel refuses."""
    before = " ".join(path.read_text().split())
    if before == value:
        return ""
    if not dry:
        path.write_text(value)
    name = path.relative_to(PROC).as_posix().replace("/", ".")
    return f"{name}: {before} -> {value}"


if __name__ == "__main__":
    main()
