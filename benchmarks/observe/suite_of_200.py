"""Two hundred real testinfra assertions about one Debian, as an auditor writes them. Collected by one_host.py alone."""

from __future__ import annotations

import pytest
from testinfra.host import Host

FILES = (
    *(
        "/etc/adduser.conf",
        "/etc/bash.bashrc",
        "/etc/bindresvport.blacklist",
        "/etc/debconf.conf",
        "/etc/debian_version",
    ),
    *("/etc/deluser.conf", "/etc/environment", "/etc/fstab", "/etc/gai.conf", "/etc/group", "/etc/gshadow"),
    *("/etc/host.conf", "/etc/hosts", "/etc/issue", "/etc/issue.net", "/etc/ld.so.conf", "/etc/libaudit.conf"),
    *("/etc/login.defs", "/etc/nsswitch.conf", "/etc/os-release", "/etc/pam.conf", "/etc/passwd", "/etc/profile"),
    *(
        "/etc/shadow",
        "/etc/shells",
        "/etc/subgid",
        "/etc/subuid",
        "/etc/sudoers",
        "/etc/sysctl.conf",
        "/etc/xattr.conf",
    ),
    *(
        "/etc/ssh/sshd_config",
        "/etc/ssh/ssh_config",
        "/etc/ssh/moduli",
        "/etc",
        "/etc/ssh",
        "/etc/pam.d",
        "/etc/security",
    ),
    *(
        "/etc/sudoers.d",
        "/usr/bin/passwd",
        "/usr/bin/su",
        "/usr/bin/sudo",
        "/usr/sbin/sshd",
        "/bin/sh",
        "/root",
        "/tmp",
    ),
    *("/usr", "/usr/bin", "/usr/lib", "/var", "/var/log"),
)
OTHERS_WRITE = 0o002
PARAMETERS = (
    *(
        f"net.ipv4.conf.{where}.{name}"
        for where in ("all", "default")
        for name in ("accept_redirects", "send_redirects")
    ),
    *(f"net.ipv4.conf.{where}.{name}" for where in ("all", "default") for name in ("accept_source_route", "rp_filter")),
    *("kernel.dmesg_restrict", "kernel.randomize_va_space", "kernel.threads-max", "kernel.panic", "kernel.pid_max"),
    *("fs.suid_dumpable", "fs.file-max", "fs.protected_hardlinks", "fs.protected_symlinks", "vm.swappiness"),
    *("net.ipv4.ip_forward", "net.ipv4.tcp_syncookies", "net.core.somaxconn", "vm.overcommit_memory", "kernel.ostype"),
    *("vm.mmap_min_addr", "vm.panic_on_oom"),
)
PACKAGES = (
    *("apt", "base-files", "base-passwd", "bash", "coreutils", "dash", "debconf", "debianutils", "diffutils", "dpkg"),
    *("findutils", "grep", "gzip", "hostname", "init-system-helpers", "libc-bin", "login", "mount", "ncurses-base"),
    *(
        "openssh-server",
        "passwd",
        "perl-base",
        "sed",
        "sudo",
        "sysvinit-utils",
        "systemd",
        "tar",
        "util-linux",
        "nftables",
    ),
)
UNITS = (
    "ssh",
    "nftables",
    "systemd-timesyncd",
    "getty@",
    "rsyslog",
    "chrony",
    "systemd-networkd",
    "e2scrub_reap",
    "apt-daily",
)
ACCOUNTS = (
    "root",
    "daemon",
    "bin",
    "sys",
    "games",
    "man",
    "lp",
    "mail",
    "news",
    "www-data",
    "backup",
    "nobody",
    "sshd",
)
GROUPS = ("root", "daemon", "adm", "tty", "disk", "sudo", "shadow", "utmp", "staff", "users", "nogroup")


@pytest.mark.parametrize("path", FILES)
def test_a_file_belongs_to_root(host: Host, path: str) -> None:
    assert host.file(path).user == "root"


@pytest.mark.parametrize("path", FILES)
def test_a_file_is_not_written_by_others(host: Host, path: str) -> None:
    assert not host.file(path).mode & OTHERS_WRITE or path == "/tmp"


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_kernel_parameter_has_a_value(host: Host, name: str) -> None:
    assert host.sysctl(name) != ""


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_is_installed(host: Host, name: str) -> None:
    assert host.package(name).is_installed


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_is_not_masked(host: Host, name: str) -> None:
    assert "masked" not in host.run("systemctl is-enabled %s", name).stdout


@pytest.mark.parametrize("name", ACCOUNTS)
def test_an_account_exists(host: Host, name: str) -> None:
    assert host.user(name).exists


@pytest.mark.parametrize("name", ACCOUNTS)
def test_an_account_has_its_shell(host: Host, name: str) -> None:
    assert host.user(name).shell.startswith("/")


@pytest.mark.parametrize("name", GROUPS)
def test_a_group_exists(host: Host, name: str) -> None:
    assert host.group(name).exists
