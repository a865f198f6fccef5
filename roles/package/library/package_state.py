#!/usr/bin/python3
"""Purge the packages that must not be there, then install those that must; ask dpkg first, for apt is slow to start."""

from __future__ import annotations

from ansible.module_utils.basic import AnsibleModule
from ansible.module_utils.role_settings import settings_module

DOCUMENTATION = r"""
module: package_state
short_description: Purge and install packages
description:
  - Runs apt only when dpkg says that something differs. The indexes are the role apt_source's business.
  - Not named `package`, which Ansible keeps for an action of its own.
options:
  settings:
    description: The packages and whether they are to be there.
    type: list
    elements: dict
    required: true
"""

GONE = ("not-installed", "config-files")
APT = ("apt-get", "--quiet", "--yes", "--option=DPkg::Lock::Timeout=60", "--option=Dpkg::Options::=--force-confold")


def main() -> None:
    """Compare the packages with dpkg's status, then let apt do what differs."""
    module = settings_module()
    wanted = {setting["name"]: setting["state"] for setting in module.params["settings"]}
    now = statuses(module, sorted(wanted))
    purged = [name for name, state in wanted.items() if state == "absent" and now.get(name, GONE[0]) not in GONE]
    installed = [name for name, state in wanted.items() if state == "installed" and now.get(name) != "installed"]
    if not module.check_mode:
        apt(module, "purge", purged)
        apt(module, "install", installed)
    changes = [f"{name}: purged" for name in purged] + [f"{name}: installed" for name in installed]
    module.exit_json(changed=bool(changes), changes=changes)


def statuses(module: AnsibleModule, names: list[str]) -> dict[str, str]:
    """Return dpkg's status of each package that it knows."""
    query = ["dpkg-query", "--show", "--showformat=${Package} ${db:Status-Status}\n", *names]
    code, out, err = module.run_command(query)
    if code not in (0, 1):
        module.fail_json(msg=f"dpkg-query: {err.strip()}")
    return dict(line.split(" ", 1) for line in out.splitlines())


def apt(module: AnsibleModule, verb: str, names: list[str]) -> None:
    """Let apt purge or install packages; fail the module when it cannot."""
    if not names:
        return
    command = [*APT, "--no-install-recommends", verb, *names]
    code, out, err = module.run_command(command, environ_update={"DEBIAN_FRONTEND": "noninteractive"})
    if code != 0:
        module.fail_json(msg=f"apt-get {verb}: {err.strip() or out.strip()}")


if __name__ == "__main__":
    main()
