"""Ansible module: Mosquitto as the town's sensors need it, its accounts made here and kept here."""

from __future__ import annotations

import base64
import grp
import hashlib
import secrets
from pathlib import Path
from typing import Any

from ansible.module_utils.placed_files import place_file, rights, says
from ansible.module_utils.programs import run
from ansible.module_utils.role_settings import settings_module
from ansible.module_utils.systemd_units import enable_and_restart, properties

UNIT = "mosquitto.service"
CONFIGURATION = Path("/etc/mosquitto/mosquitto.conf")
ACCOUNTS = Path("/etc/mosquitto/beffroi-accounts")
TOPICS = Path("/etc/mosquitto/beffroi-topics")
PASSWORDS = Path("/etc/beffroi/secrets/broker-accounts")
CERTIFICATE = Path("/etc/beffroi/tls/machine.crt")
MODES = {CONFIGURATION: 0o644, ACCOUNTS: 0o640, TOPICS: 0o640, PASSWORDS: 0o600}
READ_BY_MOSQUITTO = (ACCOUNTS, TOPICS)
KEY_GROUP = "ssl-cert"
SPARE_CONNECTIONS = 16

# One device cannot throw another out by taking its name (use_username_as_clientid); nothing is kept on disk, and what
# waits for who passes it on is bounded: an hour of a town's readings, which a device may send without asking for an
# acknowledgement (upgrade_outgoing_qos).
CONFIGURATION_TEXT = """# Written by the role broker.
listener {port}
cafile /etc/beffroi/tls/ca.crt
certfile /etc/beffroi/tls/machine.crt
keyfile /etc/beffroi/tls/machine.key
tls_version {minimum}
allow_anonymous false
password_file /etc/mosquitto/beffroi-accounts
acl_file /etc/mosquitto/beffroi-topics
use_username_as_clientid true
max_connections {connections}
max_packet_size 4096
upgrade_outgoing_qos true
max_queued_messages 20000
max_queued_bytes 8388608
persistent_client_expiration 1h
persistence false
retain_available false
connection_messages true
log_dest syslog
log_type error
log_type warning
log_type notice
"""


def devices(fleet: dict[str, Any]) -> list[str]:
    """Return a fleet's accounts: its name and a number, of two digits at least."""
    digits = max(2, len(str(fleet["count"])))
    return [f"{fleet['fleet']}-{number:0{digits}d}" for number in range(1, fleet["count"] + 1)]


def accounts_of(setting: dict[str, Any]) -> list[str]:
    """Return every account that there must be."""
    return [*(name for fleet in setting["fleets"] for name in devices(fleet)), setting["reader"]]


def topics_of(setting: dict[str, Any]) -> str:
    """Return who may write and read what; whoever is not named may do nothing."""
    lines = []
    for fleet in setting["fleets"]:
        for account in devices(fleet):
            lines += [f"user {account}", *(f"topic write {topic.replace('%u', account)}" for topic in fleet["topics"])]
    lines.append(f"user {setting['reader']}")
    lines += [f"topic read {topic.replace('%u', '+')}" for fleet in setting["fleets"] for topic in fleet["topics"]]
    return "".join(f"{line}\n" for line in lines)


def pairs_in(path: Path) -> dict[str, str]:
    """Return what a file of `account:word` lines says; nothing when it is not there."""
    lines = path.read_text().splitlines() if path.is_file() else []
    return dict(line.split(":", 1) for line in lines if ":" in line)


def opens(password: str, kept: str) -> bool:
    """Tell whether a password is the one of which Mosquitto keeps the PBKDF2 digest (`$7$iterations$salt$digest`)."""
    try:
        _, scheme, iterations, salt, digest = kept.split("$")
        made = hashlib.pbkdf2_hmac("sha512", password.encode(), base64.b64decode(salt), int(iterations), 64)
        return scheme == "7" and secrets.compare_digest(made, base64.b64decode(digest))
    except ValueError:
        return False


def owners(path: Path) -> tuple[int, int]:
    """Return the numbers of root and of who reads one of our files; raise KeyError when there is no such group."""
    return 0, grp.getgrnam("mosquitto").gr_gid if path in READ_BY_MOSQUITTO else 0


def put(path: Path, text: str) -> None:
    """Write one of our files."""
    place_file(path, text, MODES[path], owners(path))


def runs_what_is_written() -> bool:
    """Tell whether the service runs, at boot too, and has read its files since they changed."""
    shown = run("systemctl", "show", "-p", "ActiveState,UnitFileState,ActiveEnterTimestamp", "--timestamp=unix", UNIT)
    state = properties(shown)
    started = float(state.get("ActiveEnterTimestamp", "").lstrip("@") or 0)
    read = (CONFIGURATION, ACCOUNTS, TOPICS, CERTIFICATE)
    fresh = all(path.exists() and path.stat().st_mtime < started + 1 for path in read)
    return state.get("ActiveState") == "active" and state.get("UnitFileState") == "enabled" and fresh


def changes_to_make(setting: dict[str, Any], wanted: dict[Path, str]) -> list[str]:
    """Return what differs on the machine: files, accounts, or the service."""
    changes = [str(path) for path, text in wanted.items() if not says(path, text)]
    passwords, kept, names = pairs_in(PASSWORDS), pairs_in(ACCOUNTS), accounts_of(setting)
    known = list(passwords) == names and set(kept) == set(names)
    if not known or not all(opens(passwords[name], kept[name]) for name in names):
        changes.append(str(ACCOUNTS))
    changes += [str(path) for path, mode in MODES.items() if path.is_file() and rights(path) != (mode, *owners(path))]
    if "mosquitto" not in grp.getgrnam(KEY_GROUP).gr_mem:
        changes.append(KEY_GROUP)
    if not runs_what_is_written():
        changes.append(UNIT)
    return changes


def enforce(setting: dict[str, Any], wanted: dict[Path, str]) -> None:
    """Make missing passwords, write every file, and restart the service."""
    before = pairs_in(PASSWORDS)
    passwords = {name: before.get(name) or secrets.token_urlsafe(24) for name in accounts_of(setting)}
    text = "".join(f"{name}:{password}\n" for name, password in passwords.items())
    PASSWORDS.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    put(PASSWORDS, text)
    clear = ACCOUNTS.parent / ".beffroi-accounts.clear"
    place_file(clear, text, 0o600)
    run("mosquitto_passwd", "-U", str(clear))
    put(ACCOUNTS, clear.read_text())
    clear.unlink()
    for path, text in wanted.items():
        put(path, text)
    run("usermod", "--append", "--groups", KEY_GROUP, "mosquitto")
    enable_and_restart(UNIT)


def main() -> None:
    """Make Mosquitto the broker that was declared."""
    module = settings_module()
    (setting,) = module.params["settings"]
    connections = len(accounts_of(setting)) + SPARE_CONNECTIONS
    configuration = CONFIGURATION_TEXT.format(port=setting["port"], minimum=setting["minimum"], connections=connections)
    wanted = {CONFIGURATION: configuration, TOPICS: topics_of(setting)}
    try:
        changes = changes_to_make(setting, wanted)
        if changes and not module.check_mode:
            enforce(setting, wanted)
    except (OSError, KeyError, ValueError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=bool(changes), changes=changes)


if __name__ == "__main__":
    main()
