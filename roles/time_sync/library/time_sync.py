"""Ansible module: chrony as a client of the town's time server, or as that server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ansible.module_utils.placed_files import place_file, says
from ansible.module_utils.programs import succeeds
from ansible.module_utils.role_settings import settings_module
from ansible.module_utils.systemd_units import active_and_enabled

CONFIGURATION = Path("/etc/chrony/chrony.conf")
OPTIONS = Path("/etc/default/chrony")
DROP_IN = Path("/etc/systemd/system/chrony.service.d/beffroi-container.conf")

# chronyd answers whoever asks on the machine itself how its clock is: auditors may not enter its own socket's folder.
COMMON = """# Written by the role time_sync.
driftfile /var/lib/chrony/chrony.drift
ntsdumpdir /var/lib/chrony
logdir /var/log/chrony
makestep 1 3
rtcsync
bindcmdaddress 127.0.0.1
"""

# A container may read its computer's clock and not set it: chronyd follows without touching (-x), and Debian's unit,
# which starts only where the clock may be set, has to be told.
IN_CONTAINER = {OPTIONS: 'DAEMON_OPTS="-F 1 -x"\n', DROP_IN: "[Unit]\nConditionCapability=\n"}

NOT_STARTED = "chrony.service does not start: see journalctl -u chrony.service"


def configuration(setting: dict[str, Any]) -> str:
    """Return the text of chrony.conf. Four quick questions at the start (iburst), then one every 4 s to 4 min."""
    lines = [f"server {source} iburst minpoll 2 maxpoll 8" for source in setting["sources"]]
    if setting["part"] == "server":
        lines += [f"allow {network}" for network in setting["allow"]]
        lines.append("local stratum 10")
    else:
        lines.append("port 0")
    return COMMON + "\n".join(lines) + "\n"


def changes_to_make(wanted: dict[Path, str]) -> list[str]:
    """Return what differs on the machine."""
    changes = [str(path) for path, text in wanted.items() if not says(path, text)]
    if not active_and_enabled("chrony.service"):
        changes.append("chrony.service")
    return changes


def enforce(wanted: dict[Path, str]) -> None:
    """Write the files and restart chronyd; raise ValueError when it does not start."""
    for path, text in wanted.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        place_file(path, text, 0o644)
    for words in (("daemon-reload",), ("unmask", "chrony.service"), ("enable", "--quiet", "chrony.service")):
        succeeds("systemctl", *words)
    if not succeeds("systemctl", "restart", "chrony.service"):
        raise ValueError(NOT_STARTED)


def main() -> None:
    """Make chrony follow, or serve."""
    module = settings_module()
    (setting,) = module.params["settings"]
    wanted = {CONFIGURATION: configuration(setting)}
    if succeeds("systemd-detect-virt", "--quiet", "--container"):
        wanted.update(IN_CONTAINER)
    changes = changes_to_make(wanted)
    if changes and not module.check_mode:
        try:
            enforce(wanted)
        except (OSError, ValueError) as error:
            module.fail_json(msg=str(error))
    module.exit_json(changed=bool(changes), changes=changes)


if __name__ == "__main__":
    main()
