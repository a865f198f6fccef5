#!/usr/bin/python3
"""Bring systemd's units to what they are to be."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.programs import run_or_fail
from ansible.module_utils.role_settings import settings_module
from ansible.module_utils.systemd_units import UNITS, properties

DOCUMENTATION = r"""
module: service_state
short_description: Start, stop and mask units
description:
  - Asks systemd for all units in one go, and acts on those that differ.
  - Sets aside (NAME.refused) a unit's file that stands where the mask of that unit is to be.
  - Not named `service`, which Ansible keeps for an action of its own.
options:
  settings:
    description: The units and what each is to be.
    type: list
    elements: dict
    required: true
"""

PROPERTIES = ("LoadState", "ActiveState", "UnitFileState")
RUNS = ("active", "activating", "reloading")
STARTS_AT_BOOT = ("enabled", "static", "alias", "indirect", "generated")

IN_ORDER = (
    ("disable",),
    ("mask", "--now"),
    ("disable", "--now"),
    ("unmask",),
    ("stop",),
    ("enable",),
    ("start",),
)
"""One call for all units that need it: systemd reloads itself after each."""


def main() -> None:
    """Act on each unit that differs, and report it."""
    module = settings_module()
    wanted = {setting["unit"]: setting["state"] for setting in module.params["settings"]}
    now = shown(module, sorted(wanted))
    changes = []
    for verb in IN_ORDER:
        units = [unit for unit, properties in now.items() if verb in verbs(wanted[unit], properties)]
        changes += [f"{unit}: {' '.join(verb)}" for unit in units]
        if units and not module.check_mode:
            make_room(units if verb[0] == "mask" else [])
            run_or_fail(module, "systemctl", *verb, *units)
    module.exit_json(changed=bool(changes), changes=changes)


def shown(module: AnsibleModule, units: list[str]) -> dict[str, dict[str, str]]:
    """Return systemd's view of each unit; its blocks come in the order asked."""
    out = run_or_fail(module, "systemctl", "show", f"--property={','.join(PROPERTIES)}", "--", *units)
    blocks = [properties(block) for block in out.strip().split("\n\n")]
    return dict(zip(units, blocks, strict=True))


def verbs(state: str, now: dict[str, str]) -> list[tuple[str, ...]]:
    """Return what systemctl is to do with a unit."""
    runs, file = now["ActiveState"] in RUNS, now["UnitFileState"]
    if state == "masked":
        enabled = [("disable",)] if file.startswith("enabled") else []
        asleep = not runs and file == "masked" and now["LoadState"] == "masked"
        return [] if asleep else [*enabled, ("mask", "--now")]
    if state == "disabled":
        asleep = not runs and not file.startswith("enabled")
        return [] if asleep else [("disable", "--now")]
    hidden = [("unmask",)] if file.startswith("masked") else []
    if file in STARTS_AT_BOOT:
        return [] if runs else [("start",)]
    # Stopped first: when `enable` brings an alias back, systemd takes a running unit for dead and would start another.
    return [*hidden, *([("stop",)] if runs else []), ("enable",), ("start",)]


def make_room(units: list[str]) -> None:
    """Set aside units' files in the one folder where their masks are to be."""
    for path in (UNITS / unit for unit in units):
        if path.is_file() and not path.is_symlink():
            path.rename(path.with_name(f"{path.name}.refused"))


if __name__ == "__main__":
    main()
