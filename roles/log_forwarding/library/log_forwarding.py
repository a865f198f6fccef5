"""Ansible module: rsyslog as a sender to the town's collector, or as the collector."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

FORWARD = Path("/etc/rsyslog.d/10-beffroi-forward.conf")
COLLECT = Path("/etc/rsyslog.d/10-beffroi-collect.conf")
SENDERS = Path("/etc/rsyslog.d/beffroi-senders.json")
ROTATION = Path("/etc/logrotate.d/beffroi-remote")
REMOTE = Path("/var/log/remote")

# A mark every hour: a machine that has nothing to say is still heard.
FORWARD_TEXT = """# Written by the role log_forwarding.
module(load="immark" interval="3600")
action(
    type="omfwd" name="beffroi-collector" target="{address}" port="{port}" protocol="tcp"
    template="RSYSLOG_SyslogProtocol23Format" TCP_Framing="octet-counted" KeepAlive="on"
    queue.type="LinkedList" queue.filename="beffroi-collector" queue.size="20000" queue.maxDiskSpace="200m"
    queue.saveOnShutdown="on" action.resumeRetryCount="-1" action.resumeInterval="1" action.resumeIntervalMax="60"
)
"""

# The file's name comes from our own table of addresses, never from what a message says of itself.
COLLECT_TEXT = """# Written by the role log_forwarding.
global(net.enableDNS="off")
module(load="imtcp" KeepAlive="on" MaxSessions="1000")
lookup_table(name="senders" file="/etc/rsyslog.d/beffroi-senders.json")
template(name="BeffroiSender" type="string" string="/var/log/remote/%$.sender%.log")
ruleset(name="beffroi-remote") {{
    set $.sender = lookup("senders", $fromhost-ip);
    action(type="omfile" dynaFile="BeffroiSender" template="RSYSLOG_FileFormat" fileCreateMode="0640" fileGroup="adm")
}}
input(type="imtcp" port="{port}" ruleset="beffroi-remote")
"""

ROTATION_TEXT = """/var/log/remote/*.log {{
    daily
    rotate {keep_days}
    maxage {keep_days}
    missingok
    notifempty
    compress
    delaycompress
    sharedscripts
    postrotate
        /usr/lib/rsyslog/rsyslog-rotate
    endscript
}}
"""


def files_of(setting: dict[str, Any]) -> dict[Path, str]:
    """Return the files that a setting asks for, and their text."""
    if setting["part"] == "sender":
        return {FORWARD: FORWARD_TEXT.format(**setting)}
    rows = [{"index": sender["address"], "value": sender["name"]} for sender in setting["senders"]]
    table = {"version": 1, "nomatch": "unknown", "type": "string", "table": sorted(rows, key=lambda row: row["index"])}
    return {
        COLLECT: COLLECT_TEXT.format(**setting),
        SENDERS: json.dumps(table, indent=1) + "\n",
        ROTATION: ROTATION_TEXT.format(**setting),
    }


def run(*words: str) -> str:
    """Run a program; raise ValueError with what it said when it fails."""
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(f"{' '.join(words)}: {done.stdout}{done.stderr}".strip())
    return done.stdout


def changes_to_make(wanted: dict[Path, str]) -> list[str]:
    """Return what differs on the machine; `rsyslog` when the service does not run what is on disk."""
    changes = [str(path) for path, text in wanted.items() if not path.is_file() or path.read_text() != text]
    changes += [str(path) for path in (FORWARD, COLLECT) if path not in wanted and path.exists()]
    try:
        run("systemctl", "is-active", "--quiet", "rsyslog.service")
        run("systemctl", "is-enabled", "--quiet", "rsyslog.service")
    except ValueError:
        changes.append("rsyslog")
    return changes


def enforce(wanted: dict[Path, str]) -> None:
    """Write the files, have rsyslog check them, restart it, and say a first word to the collector."""
    for path in (FORWARD, COLLECT):
        if path not in wanted:
            path.unlink(missing_ok=True)
    for path, text in wanted.items():
        draft = path.parent / f".{path.name}.new"
        draft.write_text(text)
        draft.chmod(0o644)
        draft.replace(path)
    if COLLECT in wanted:
        REMOTE.mkdir(mode=0o750, exist_ok=True)
    run("rsyslogd", "-N1")
    run("systemctl", "unmask", "--quiet", "rsyslog.service", "syslog.socket")
    run("systemctl", "enable", "--quiet", "rsyslog.service")
    run("systemctl", "restart", "rsyslog.service")
    run("logger", "--tag", "beffroi", "log forwarding configured")


def main() -> None:
    """Make rsyslog play its part."""
    arguments = {"settings": {"type": "list", "elements": "dict", "required": True}}
    module = AnsibleModule(argument_spec=arguments, supports_check_mode=True)
    wanted = {path: text for setting in module.params["settings"] for path, text in files_of(setting).items()}
    changes = changes_to_make(wanted)
    if changes and not module.check_mode:
        try:
            enforce(wanted)
        except (OSError, ValueError) as error:
            module.fail_json(msg=str(error))
    module.exit_json(changed=bool(changes), changes=changes)


if __name__ == "__main__":
    main()
