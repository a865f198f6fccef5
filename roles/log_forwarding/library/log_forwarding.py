"""Ansible module: rsyslog as a sender to the town's collector, or as the collector."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

from ansible.module_utils.placed_files import place_file, says
from ansible.module_utils.programs import run
from ansible.module_utils.role_settings import settings_module
from ansible.module_utils.systemd_units import UNITS, systemctl, timer_text

FORWARD = Path("/etc/rsyslog.d/10-beffroi-forward.conf")
COLLECT = Path("/etc/rsyslog.d/10-beffroi-collect.conf")
SENDERS = Path("/etc/rsyslog.d/beffroi-senders.json")
ROTATION = Path("/etc/logrotate.d/beffroi-remote")
REMOTE = Path("/var/log/remote")

COMMENT = re.compile(r"^\s*#.*$", re.MULTILINE)
QUOTED = re.compile(r"\"[^\"\n]*\"")
DISCARD = re.compile(r"\bstop\b|(?:^|[\s&])~\s*$", re.MULTILINE)
NETWORK = re.compile(r"\b(?:imudp|imtcp|imptcp|imrelp|omfwd|omrelp)\b|^[^$\"(\n]*\s@{1,2}[\[(\w:]", re.MULTILINE)
OURS = (FORWARD, COLLECT)
CERTIFICATES = (Path("/etc/beffroi/tls/ca.crt"), Path("/etc/beffroi/tls/machine.crt"))
PURGE = "beffroi-purge-remote-logs"

# Both sides show the machine's certificate; Debian's rsyslog takes expired ones unless told not to.
TLS_TEXT = """# Written by the role log_forwarding.
global(
    net.enableDNS="off"
    DefaultNetstreamDriverCAFile="/etc/beffroi/tls/ca.crt"
    DefaultNetstreamDriverCertFile="/etc/beffroi/tls/machine.crt"
    DefaultNetstreamDriverKeyFile="/etc/beffroi/tls/machine.key"
)
module(load="immark" interval="3600")
"""

# A mark every hour: a machine that has nothing to say is still heard. While the collector is away each attempt costs a
# sixth of a second of computing (rsyslog 8.2302 draws Diffie-Hellman numbers anew): three seconds apart, then fifteen.
FORWARD_TEXT = """action(
    type="omfwd" name="beffroi-collector" target="{address}" port="{port}" protocol="tcp"
    StreamDriver="gtls" StreamDriverMode="1" StreamDriverAuthMode="x509/name" StreamDriver.PermitExpiredCerts="off"
    StreamDriverPermittedPeers="{collector}.{domain}"
    gnutlsPriorityString="NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"
    template="RSYSLOG_SyslogProtocol23Format" TCP_Framing="octet-counted" KeepAlive="on"
    queue.type="LinkedList" queue.filename="beffroi-collector" queue.size="20000" queue.maxDiskSpace="200m"
    queue.saveOnShutdown="on" action.resumeRetryCount="-1" action.resumeInterval="3" action.resumeIntervalMax="15"
)
"""

# The file's name comes from our own table of addresses, never from what a message says of itself. The collector's own
# lines stay where they are, and are kept with the others for as long.
COLLECT_TEXT = """module(
    load="imtcp" KeepAlive="on" MaxSessions="1000"
    StreamDriver.Name="gtls" StreamDriver.Mode="1" StreamDriver.AuthMode="x509/name"
    StreamDriver.PermitExpiredCerts="off"
    PermittedPeer=[{peers}]
    gnutlsPriorityString="NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"
)
lookup_table(name="senders" file="/etc/rsyslog.d/beffroi-senders.json")
template(name="BeffroiSender" type="string" string="/var/log/remote/%$.sender%.log")
ruleset(name="beffroi-remote") {{
    set $.sender = lookup("senders", $fromhost-ip);
    action(type="omfile" dynaFile="BeffroiSender" template="RSYSLOG_FileFormat" fileCreateMode="0640" fileGroup="adm")
}}
action(
    type="omfile" file="/var/log/remote/{collector}.log" template="RSYSLOG_FileFormat"
    fileCreateMode="0640" fileGroup="adm"
)
input(type="imtcp" port="{port}" ruleset="beffroi-remote")
"""

# logrotate looks at age only where it rotates: the files of a machine that fell silent would stay for ever. A file's
# newest line is at most a day younger than its oldest, and a purge comes each hour.
PURGE_TEXT = """# Written by the role log_forwarding.
[Unit]
Description=Remove the collected logs that outlived their time

[Service]
Type=oneshot
ExecStart=/usr/bin/find /var/log/remote -xdev -mindepth 1 ! -type d -mmin +{minutes} -delete
ProtectSystem=strict
ReadWritePaths=/var/log/remote
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
PrivateNetwork=yes
NoNewPrivileges=yes
CapabilityBoundingSet=CAP_DAC_OVERRIDE
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
        return {FORWARD: TLS_TEXT + FORWARD_TEXT.format(**setting)}
    peers = ", ".join(sorted('"{}.{}"'.format(sender["name"], setting["domain"]) for sender in setting["senders"]))
    rows = [{"index": sender["address"], "value": sender["name"]} for sender in setting["senders"]]
    table = {"version": 1, "nomatch": "unknown", "type": "string", "table": sorted(rows, key=lambda row: row["index"])}
    return {
        COLLECT: TLS_TEXT + COLLECT_TEXT.format(peers=peers, **setting),
        SENDERS: json.dumps(table, indent=1) + "\n",
        ROTATION: ROTATION_TEXT.format(**setting),
        UNITS / f"{PURGE}.service": PURGE_TEXT.format(minutes=purged_after(setting["keep_days"])),
        UNITS / f"{PURGE}.timer": timer_text("log_forwarding", "Purge the collected logs", "hourly"),
    }


def purged_after(keep_days: int) -> int:
    """Return the minutes since its last line after which a file goes: a day and an hour before its first line must."""
    return (keep_days - 1) * 1440 - 60


def contradicting(wanted: dict[Path, str]) -> list[Path]:
    """Return the files of others that send or hear beside ours, or throw lines away before they are sent or kept."""
    found = []
    for path in sorted(FORWARD.parent.glob("*.conf")):
        text = COMMENT.sub("", path.read_text(errors="replace"))
        read_first = COLLECT in wanted or path.name < FORWARD.name
        if path not in OURS and (NETWORK.search(text) or (read_first and DISCARD.search(QUOTED.sub("", text)))):
            found.append(path)
    return found


def outlived(wanted: dict[Path, str], keep_days: int) -> list[str]:
    """Return the collected files whose last line is already too old: the purge has not run."""
    oldest = time.time() - 60 * (purged_after(keep_days) + 60)
    files = REMOTE.glob("*") if COLLECT in wanted else []
    return [str(path) for path in files if path.is_file() and path.stat().st_mtime < oldest]


def started() -> float:
    """Return when rsyslog started, in seconds since 1970; 0 when it does not run."""
    shown = run("systemctl", "show", "-p", "ActiveEnterTimestamp", "--value", "--timestamp=unix", "rsyslog.service")
    return float(shown.strip().lstrip("@") or 0)


def changes_to_make(wanted: dict[Path, str], keep_days: int) -> list[str]:
    """Return what differs on the machine; `rsyslog` when the service does not run what is on disk."""
    changes = [str(path) for path, text in wanted.items() if not says(path, text)]
    changes += [str(path) for path in OURS if path not in wanted and path.exists()]
    changes += [str(path) for path in contradicting(wanted)]
    changes += outlived(wanted, keep_days)
    try:
        run("systemctl", "is-active", "--quiet", "rsyslog.service")
        run("systemctl", "is-enabled", "--quiet", "rsyslog.service")
        if COLLECT in wanted:
            run("systemctl", "is-active", "--quiet", f"{PURGE}.timer")
        read = [Path("/etc/rsyslog.conf"), FORWARD.parent, *FORWARD.parent.iterdir(), *CERTIFICATES]
        if any(path.stat().st_mtime >= started() + 1 for path in read if path.exists()):
            changes.append("rsyslog")
    except ValueError:
        changes.append("rsyslog")
    return changes


def enforce(wanted: dict[Path, str]) -> None:
    """Write the files, have rsyslog check them, restart it, and say a first word to the collector."""
    for path in OURS:
        if path not in wanted:
            path.unlink(missing_ok=True)
    for path in contradicting(wanted):
        path.replace(path.with_name(f"{path.name}.set-aside"))
    for path, text in wanted.items():
        place_file(path, text, 0o644)
    run("systemctl", "daemon-reload")
    if COLLECT in wanted:
        REMOTE.mkdir(mode=0o750, exist_ok=True)
        run("systemctl", "enable", "--quiet", "--now", f"{PURGE}.timer")
        run("systemctl", "start", f"{PURGE}.service")
    run("rsyslogd", "-N1")
    run("systemctl", "unmask", "--quiet", "rsyslog.service", "syslog.socket")
    run("systemctl", "enable", "--quiet", "rsyslog.service")
    run("systemctl", "restart", "rsyslog.service")
    run("logger", "--tag", "beffroi", "log forwarding configured")
    # Where there is a canary (log_canary), it shows at once that the way is open again.
    systemctl("start", "beffroi-canary.service")


def main() -> None:
    """Make rsyslog play its part."""
    module = settings_module()
    wanted = {path: text for setting in module.params["settings"] for path, text in files_of(setting).items()}
    keep_days = max(setting.get("keep_days") or 0 for setting in module.params["settings"])
    changes = changes_to_make(wanted, keep_days)
    if changes and not module.check_mode:
        try:
            enforce(wanted)
        except (OSError, ValueError) as error:
            module.fail_json(msg=str(error))
    module.exit_json(changed=bool(changes), changes=changes)


if __name__ == "__main__":
    main()
