#!/usr/bin/python3
"""Bring systemd's units to what they are to be."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: service_state
short_description: Start, stop and mask units
description:
  - Asks systemd for all units in one go, and acts on those that differ.
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


def main() -> None:
    """Act on each unit that differs, and report it."""
    module = AnsibleModule(
        argument_spec={"settings": {"type": "list", "elements": "dict", "required": True}}, supports_check_mode=True
    )
    wanted = {setting["unit"]: setting["state"] for setting in module.params["settings"]}
    changes = []
    for unit, now in shown(module, sorted(wanted)).items():
        for verb in verbs(wanted[unit], now):
            changes.append(f"{unit}: {' '.join(verb)}")
            if not module.check_mode:
                systemctl(module, *verb, unit)
    module.exit_json(changed=bool(changes), changes=changes)


def shown(module: AnsibleModule, units: list[str]) -> dict[str, dict[str, str]]:
    """Return systemd's view of each unit; its blocks come in the order asked."""
    out = systemctl(module, "show", f"--property={','.join(PROPERTIES)}", "--", *units)
    blocks = [dict(line.split("=", 1) for line in block.splitlines()) for block in out.strip().split("\n\n")]
    return dict(zip(units, blocks, strict=True))


def verbs(state: str, now: dict[str, str]) -> list[tuple[str, ...]]:
    """Return what systemctl is to do, in order."""
    runs, file = now["ActiveState"] in RUNS, now["UnitFileState"]
    masked = file.startswith("masked")
    if state == "masked":
        return [("mask", "--now")] if runs or file != "masked" or now["LoadState"] != "masked" else []
    if state == "disabled":
        asleep = not runs and not file.startswith("enabled")
        return [] if asleep else [("disable", "--now")]
    actions: list[tuple[str, ...]] = [("unmask",)] if masked else []
    if file not in STARTS_AT_BOOT:
        actions.append(("enable",))
    return actions if runs else [*actions, ("start",)]


def systemctl(module: AnsibleModule, *words: str) -> str:
    """Run systemctl and return what it prints; fail the module when it fails."""
    code, out, err = module.run_command(["systemctl", *words])
    if code != 0:
        module.fail_json(msg=f"systemctl {' '.join(words)}: {err.strip()}")
    return str(out)


if __name__ == "__main__":
    main()
