"""Which values of a control ask for less than others, kind by kind."""

from pathlib import Path
from typing import Any

import pytest

from beffroi import kinds
from beffroi.control import load_controls

ROOT = Path(__file__).parents[3]
CONTROLS = load_controls(ROOT)


def _ssh(option: str, value: str) -> dict[str, Any]:
    return {"option": option, "value": value}


def _sysctl(name: str, value: str) -> dict[str, Any]:
    return {"values": {name: value}}


def _password(area: str, option: str, value: str | int) -> dict[str, Any]:
    return {"area": area, "options": {option: value}}


def _sandbox(name: str, value: str) -> dict[str, Any]:
    return {"unit": "chrony.service", "properties": {name: value}}


def _paths(*paths: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - any parameter
    return {"paths": paths, "mode": "0640", **more}


def _may(rule: str, *allowed: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - any parameter
    return {"rule": rule, "allowed": allowed, **more}


def _sudo(option: str, value: str) -> dict[str, Any]:
    return {"defaults": {option: value}}


def _certificate(judged: str, **days: int) -> dict[str, Any]:
    return {"judged": judged, **days}


_BOTH_OPTIONS = {"ssl": "on", "log_connections": "on"}
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAA auditor"
CONTENT = {"path": "/etc/one", "content": "x", "mode": "0640"}
SOURCE = {"suites": ["bookworm"], "components": ["main"]}
WEAKER_TO_STRONGER: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("database_server", {"part": "options", "options": {"ssl": "on"}}, {"part": "options", "options": _BOTH_OPTIONS}),
    ("database", {"part": "columns", "seeded_rows": 12}, {"part": "columns"}),
    ("backup", {"recent_hours": 60}, {"recent_hours": 30}),
    ("encryption_at_rest", {}, {"all_stores": True}),
    ("undeclared_personal_data", {"known": ["/srv/mirror"]}, {"known": []}),
    ("sshd_option", _ssh("PermitRootLogin", "prohibit-password"), _ssh("PermitRootLogin", "no")),
    ("sshd_option", _ssh("PermitRootLogin", "yes"), _ssh("PermitRootLogin", "without-password")),
    ("sshd_option", _ssh("PermitRootLogin", "forced-commands-only"), _ssh("PermitRootLogin", "no")),
    ("sshd_option", _ssh("PasswordAuthentication", "yes"), _ssh("PasswordAuthentication", "no")),
    ("sshd_option", _ssh("StrictModes", "no"), _ssh("StrictModes", "yes")),
    ("sshd_option", _ssh("MaxAuthTries", "10"), _ssh("MaxAuthTries", "9")),
    ("sshd_option", _ssh("LoginGraceTime", "2m"), _ssh("LoginGraceTime", "60")),
    ("sshd_option", _ssh("LoginGraceTime", "0"), _ssh("LoginGraceTime", "10m")),
    ("sshd_option", _ssh("ClientAliveInterval", "0"), _ssh("ClientAliveInterval", "300")),
    ("sshd_option", _ssh("MaxStartups", "10:30:100"), _ssh("MaxStartups", "10:30:60")),
    ("sshd_option", _ssh("RequiredRSASize", "2048"), _ssh("RequiredRSASize", "3072")),
    ("sshd_option", _ssh("LogLevel", "INFO"), _ssh("LogLevel", "VERBOSE")),
    ("sshd_option", _ssh("AllowTcpForwarding", "local"), _ssh("AllowTcpForwarding", "no")),
    ("sshd_option", _ssh("AuthenticationMethods", "publickey"), _ssh("AuthenticationMethods", "publickey,password")),
    ("sshd_option", _ssh("AuthorizedKeysCommand", "/usr/bin/ask"), _ssh("AuthorizedKeysCommand", "none")),
    (
        "sshd_option",
        _ssh("Ciphers", "aes256-gcm@openssh.com,aes128-ctr"),
        _ssh("Ciphers", "aes256-gcm@openssh.com"),
    ),
    ("sysctl", _sysctl("kernel.kptr_restrict", "1"), _sysctl("kernel.kptr_restrict", "2")),
    ("sysctl", _sysctl("vm.mmap_min_addr", "4096"), _sysctl("vm.mmap_min_addr", "65536")),
    ("sysctl", _sysctl("net.ipv4.conf.*.rp_filter", "2"), _sysctl("net.ipv4.conf.*.rp_filter", "1")),
    ("sysctl", _sysctl("net.ipv6.conf.*.accept_ra", "1"), _sysctl("net.ipv6.conf.*.accept_ra", "0")),
    ("sysctl", _sysctl("fs.suid_dumpable", "2"), _sysctl("fs.suid_dumpable", "0")),
    ("sysctl", _sysctl("kernel.unprivileged_bpf_disabled", "2"), _sysctl("kernel.unprivileged_bpf_disabled", "1")),
    ("sysctl", _sysctl("kernel.sysrq", "1"), _sysctl("kernel.sysrq", "438")),
    ("sysctl", _sysctl("kernel.sysrq", "176"), _sysctl("kernel.sysrq", "16")),
    ("sysctl", _sysctl("kernel.perf_cpu_time_max_percent", "0"), _sysctl("kernel.perf_cpu_time_max_percent", "25")),
    ("password_policy", _password("quality", "minlen", 9), _password("quality", "minlen", "12")),
    ("password_policy", _password("quality", "dcredit", 0), _password("quality", "dcredit", -1)),
    ("password_policy", _password("quality", "maxrepeat", 0), _password("quality", "maxrepeat", 3)),
    ("password_policy", _password("lockout", "deny", 0), _password("lockout", "deny", 10)),
    ("password_policy", _password("lockout", "unlock_time", 900), _password("lockout", "unlock_time", 0)),
    ("password_policy", _password("history", "remember", 5), _password("history", "remember", 10)),
    ("password_policy", _password("ageing", "PASS_MAX_DAYS", -1), _password("ageing", "PASS_MAX_DAYS", 365)),
    ("password_policy", _password("ageing", "PASS_MIN_DAYS", 0), _password("ageing", "PASS_MIN_DAYS", 1)),
    ("broker", {"minimum": "tlsv1.2"}, {"minimum": "tlsv1.3"}),
    ("file_tree", {"rule": "unowned", "allowed": ["/srv/left"]}, {"rule": "unowned"}),
    ("file_mode", _paths("/etc/shadow", mode="0644"), _paths("/etc/shadow", mode="0640")),
    ("file_mode", _paths("/tmp", mode="0777"), _paths("/tmp", mode="1777")),  # noqa: S108 - what it is about
    ("file_mode", _paths("/etc/shadow", owner="www-data"), _paths("/etc/shadow")),
    ("file_mode", _paths("/etc/shadow", absent_ok=True), _paths("/etc/shadow")),
    ("file_mode", _paths("/etc/shadow"), _paths("/etc/shadow", "/etc/gshadow")),
    ("file_mode", _paths("/etc/ssh/one_key"), _paths("/etc/ssh/*_key")),
    ("account", _may("known-logins", "deploy", "rescue"), _may("known-logins", "deploy")),
    ("account", _may("keys", "ssh-rsa AAAA1", "ssh-rsa AAAA2", accounts=["deploy"]), _may("keys", accounts=["deploy"])),
    ("account", _may("locked", accounts=["root"]), _may("locked", accounts=["root", "deploy"])),
    ("account", _may("service", accounts=["svc"]), _may("service", accounts=["svc"], store_owners=True)),
    ("account", _may("service", accounts=["svc"]), _may("service", "readers", accounts=["svc"])),
    ("mount_option", {"path": "/dev/shm", "options": ["nodev"]}, {"path": "/dev/shm", "options": ["noexec", "nodev"]}),  # noqa: S108
    ("package", {"installed": ["rsyslog"]}, {"installed": ["rsyslog"], "absent": ["telnet"]}),
    ("service", {"units": {"cups.service": "disabled"}}, {"units": {"cups.service": "masked"}}),
    (
        "service",
        {"units": {"cron.service": "running"}},
        {"units": {"rsyslog.service": "running", "cron.service": "running"}},
    ),
    ("systemd_timer", {"purge": True}, {"timer": "logrotate.timer"}),
    ("log_forwarding", {"keep_days": 30}, {"keep_days": 365}),
    ("log_forwarding", {"silent_hours": 48}, {"silent_hours": 24}),
    ("log_canary", {"hours": 24}, {"hours": 3}),
    ("log_canary", {"by_role": {}}, {"by_role": {"database": ["local0"]}}),
    ("time_sync", {"max_offset_ms": 1000}, {"max_offset_ms": 100}),
    ("nftables_ruleset", {"judged": "default-drop"}, {"judged": "whole"}),
    ("apt_source", {**SOURCE, "components": ["main", "non-free"]}, SOURCE),
    ("config_file", {**CONTENT, "mode": "0644"}, CONTENT),
    ("config_file", CONTENT, {**CONTENT, "removed": ["/etc/two"]}),
    ("sudo_rule", {"accounts": ["root", "deploy"]}, {"accounts": ["root"]}),
    (
        "sudo_rule",
        {"accounts": ["root", "deploy"], "without_password": ["deploy"]},
        {"accounts": ["root", "deploy"]},
    ),
    ("sudo_rule", _sudo("use_pty", "off"), _sudo("use_pty", "on")),
    ("sudo_rule", _sudo("setenv", "on"), _sudo("setenv", "off")),
    ("sudo_rule", _sudo("umask", "0022"), _sudo("umask", "0077")),
    ("sudo_rule", {**_sudo("noexec", "on"), "exempt": {"noexec": {"deploy": "off"}}}, _sudo("noexec", "on")),
    ("audit_access", {"keys": [KEY]}, {"keys": []}),
    ("audit_access", {"firewall": True}, {"firewall": False}),
    ("unit_sandbox", _sandbox("ProtectSystem", "full"), _sandbox("ProtectSystem", "strict")),
    ("unit_sandbox", _sandbox("ProtectHome", "read-only"), _sandbox("ProtectHome", "yes")),
    ("unit_sandbox", _sandbox("NoNewPrivileges", "no"), _sandbox("NoNewPrivileges", "yes")),
    ("unit_sandbox", _sandbox("CapabilityBoundingSet", "cap_chown cap_kill"), _sandbox("CapabilityBoundingSet", "")),
    ("unit_sandbox", _sandbox("RestrictAddressFamilies", ""), _sandbox("RestrictAddressFamilies", "AF_UNIX")),
    ("certificate", _certificate("lasting", days=120), _certificate("lasting", days=90)),
    ("certificate", _certificate("lasting", renew_days=10), _certificate("lasting", renew_days=30)),
    ("tls_listener", {"minimum": "TLSv1.2"}, {"minimum": "TLSv1.3"}),
    ("tls_listener", {"personal_data": True}, {"personal_data": False}),
    ("web_front", {"minimum": "TLSv1.2"}, {"minimum": "TLSv1.3"}),
    ("web_front", {"hsts_days": 30}, {"hsts_days": 365}),
    ("application", {"program": "0" * 64}, {"program": "0" * 64, "minimum": "TLSv1.3"}),
    ("ingestion", {"program": "0" * 64, "seconds": 600}, {"program": "0" * 64}),
    ("certificate_authority", _certificate("files", days=7000), _certificate("files", days=3650)),
    ("certificate_authority", _certificate("certificate", renew_days=30), _certificate("certificate", renew_days=365)),
]
"""Kind, values that ask for less, values that ask for more."""

UNORDERED: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("sshd_option", _ssh("Banner", "/etc/issue"), _ssh("Banner", "none")),
    ("sshd_option", _ssh("AllowTcpForwarding", "local"), _ssh("AllowTcpForwarding", "remote")),
    ("sshd_option", _ssh("MaxStartups", "10:30:60"), _ssh("MaxStartups", "5:30:100")),
    ("sshd_option", _ssh("MaxAuthTries", "4"), _ssh("MaxAuthTries", "few")),
    ("sshd_option", _ssh("PermitRootLogin", "no"), _ssh("PermitRootLogin", "maybe")),
    ("sshd_option", _ssh("LogLevel", "VERBOSE"), _ssh("LogLevel", "DEBUG3")),
    ("sshd_option", _ssh("AuthenticationMethods", "publickey"), _ssh("AuthenticationMethods", "password")),
    (
        "sshd_option",
        _ssh("Ciphers", "aes256-ctr,aes128-ctr"),
        _ssh("Ciphers", "aes256-ctr,chacha20-poly1305@openssh.com"),
    ),
    ("sysctl", _sysctl("net.ipv4.ip_local_port_range", "1024 65535"), _sysctl("net.ipv4.ip_local_port_range", "1 9")),
    ("sysctl", _sysctl("kernel.sysrq", "0"), _sysctl("kernel.sysrq", "on")),
    ("password_policy", _password("ageing", "UMASK", "022"), _password("ageing", "UMASK", "077")),
    ("file_mode", _paths("/srv/one", owner="svc-one"), _paths("/srv/one", owner="svc-two")),
    ("config_file", CONTENT, {**CONTENT, "content": "y"}),
    ("apt_source", SOURCE, {**SOURCE, "signed_by": "/usr/share/keyrings/other.asc"}),
    ("time_sync", {"upstreams": ["192.0.2.1"]}, {"upstreams": ["192.0.2.2"]}),
    ("log_forwarding", {"service": "syslog"}, {"service": "relp"}),
    ("sudo_rule", _sudo("syslog", "authpriv"), _sudo("syslog", "user")),
    ("web_front", {"upstream": "app"}, {"upstream": "other"}),
    ("application", {"program": "0" * 64}, {"program": "1" * 64}),
    ("ingestion", {"program": "0" * 64}, {"program": "1" * 64}),
    ("unit_sandbox", _sandbox("SystemCallFilter", "read write"), _sandbox("SystemCallFilter", "read")),
]

GIVEN_UP: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("sshd_option", _ssh("PermitRootLogin", "no"), _ssh("X11Forwarding", "no")),
    ("sysctl", _sysctl("kernel.sysrq", "0"), _sysctl("kernel.panic_on_oops", "1")),
    ("password_policy", _password("quality", "minlen", 15), _password("lockout", "deny", 3)),
    ("file_mode", _paths("/etc/shadow"), _paths("/etc/passwd")),
    ("file_mode", {"stores": True}, _paths("/srv/one")),
    ("account", _may("one-root"), _may("yescrypt")),
    ("mount_option", {"path": "/tmp", "options": ["nodev"]}, {"path": "/var/tmp", "options": ["nodev"]}),  # noqa: S108
    ("package", {"installed": ["rsyslog"]}, {"absent": ["rsyslog"]}),
    ("service", {"units": {"rsyslog.service": "running"}}, {"units": {"rsyslog.service": "masked"}}),
    ("service", {"units": {"cups.service": "disabled"}}, {"units": {"cups.service": "running"}}),
    ("systemd_timer", {"timer": "one.timer"}, {"timer": "two.timer"}),
    ("database", {"part": "columns"}, {"part": "retention"}),
    ("database_server", {"part": "clients"}, {"part": "accounts"}),
    ("log_forwarding", {"part": "sender"}, {"part": "collector"}),
    ("log_canary", {"facilities": ["authpriv"]}, {"facilities": ["local0"]}),
    ("nftables_ruleset", {"judged": "fleets-barred"}, {"judged": "default-drop"}),
    ("config_file", CONTENT, {**CONTENT, "path": "/etc/two"}),
    ("unit_sandbox", _sandbox("PrivateTmp", "yes"), _sandbox("PrivateDevices", "yes")),
    ("sudo_rule", {"accounts": ["root"], "defaults": {"noexec": "on"}}, {"defaults": {"noexec": "on"}}),
    ("certificate", _certificate("identity", days=90), _certificate("files", days=90)),
    ("certificate_authority", _certificate("files", days=3650), _certificate("certificate", days=3650)),
]
"""Kind, values, and others that ask for something else instead."""


@pytest.mark.parametrize(("kind", "weak", "strong"), [it for it in WEAKER_TO_STRONGER if it[0] != "systemd_timer"])
def test_asking_for_more_weakens_nothing(kind: str, weak: dict[str, Any], strong: dict[str, Any]) -> None:
    assert kinds.weakened(kind, weak, strong) is False


@pytest.mark.parametrize(("kind", "weak", "strong"), WEAKER_TO_STRONGER)
def test_asking_for_less_weakens(kind: str, weak: dict[str, Any], strong: dict[str, Any]) -> None:
    assert kinds.weakened(kind, strong, weak) is True


@pytest.mark.parametrize(("kind", "one", "other"), UNORDERED)
def test_what_cannot_be_ordered_is_said_to_be_so(kind: str, one: dict[str, Any], other: dict[str, Any]) -> None:
    assert kinds.weakened(kind, one, other) is None


@pytest.mark.parametrize(("kind", "before", "after"), GIVEN_UP)
def test_asking_for_something_else_gives_up_what_was_asked(
    kind: str, before: dict[str, Any], after: dict[str, Any]
) -> None:
    assert kinds.weakened(kind, before, after) is True


def test_one_weakened_value_among_stronger_ones_is_found() -> None:
    before = {"values": {"kernel.kptr_restrict": "1", "kernel.panic_on_oops": "1"}}
    after = {"values": {"kernel.kptr_restrict": "2", "kernel.panic_on_oops": "0"}}
    assert kinds.weakened("sysctl", before, after) is True


def test_an_old_algorithm_weakens_even_in_the_place_of_another() -> None:
    before, after = "hmac-sha2-256,hmac-sha2-512", "hmac-sha2-256,hmac-md5"
    assert kinds.weakened("sshd_option", _ssh("MACs", before), _ssh("MACs", after)) is True


def test_the_order_of_algorithms_protects_nothing() -> None:
    one, other = "aes256-ctr,aes128-ctr", "aes128-ctr,aes256-ctr"
    assert kinds.weakened("sshd_option", _ssh("Ciphers", one), _ssh("Ciphers", other)) is False


@pytest.mark.parametrize("kind", kinds.names())
def test_every_kind_knows_an_order(kind: str) -> None:
    assert callable(getattr(kinds.load(kind), "weakened", None))
    assert kind in {name for name, _, _ in WEAKER_TO_STRONGER}


@pytest.mark.parametrize("control", CONTROLS.values(), ids=list(CONTROLS))
def test_a_control_that_stays_weakens_nothing(control: Any) -> None:  # noqa: ANN401 - a Control
    assert kinds.weakened(control.kind, control.params, dict(control.params)) is False


def test_every_ssh_option_and_kernel_parameter_of_the_catalogue_has_its_order() -> None:
    without = {
        str(control.params.get("option", name))
        for control in CONTROLS.values()
        if control.kind in ("sshd_option", "sysctl")
        for name in control.params.get("values", {"": ""})
        if kinds.weakened(control.kind, control.params, _otherwise(control.params, name)) is None
    }
    assert without == {"AuthorizedKeysFile", "net.ipv4.ip_local_port_range"}


def _otherwise(params: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a control's values with one that is certainly another of the same form."""
    if "values" in params:
        return {"values": {**params["values"], name: "0" if params["values"][name] != "0" else "1"}}
    value = str(params["value"])
    flags = {"no": "yes", "yes": "no", "none": "/usr/bin/x", "VERBOSE": "QUIET", "local": "yes"}
    return {**params, "value": flags.get(value) or (str(int(value) + 1) if value.isdigit() else f"{value},x-cbc")}
