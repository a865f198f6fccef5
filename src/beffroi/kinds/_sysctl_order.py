"""Which values of kernel parameters ask for less than others (kernel's Documentation/admin-guide/sysctl). Pure."""

from __future__ import annotations

from ._order import Answer, Order, larger, smaller, unordered, words

_EVERYTHING = 1
"""The value of kernel.sysrq that enables all that its other values enable bit by bit."""


def _fewer_keys(before: str, after: str) -> Answer:
    """Compare kernel.sysrq: what it newly allows weakens (sysrq.rst)."""
    if not (before.isdecimal() and after.isdecimal()):
        return None
    old, new = int(before), int(after)
    if old == _EVERYTHING:
        return False
    return new == _EVERYTHING or bool(new & ~old)


_OF_THE_KERNEL: dict[str, Order] = {
    "kernel.sysrq": _fewer_keys,
    "kernel.unprivileged_bpf_disabled": words("0", "2", "1"),
    "kernel.perf_event_max_sample_rate": smaller(),
    "kernel.perf_cpu_time_max_percent": smaller(unlimited="0"),
    "kernel.unprivileged_userns_clone": smaller(),
    "fs.suid_dumpable": words("1", "2", "0"),
    "user.max_user_namespaces": smaller(),
    **dict.fromkeys(
        (
            "fs.protected_fifos",
            "fs.protected_hardlinks",
            "fs.protected_regular",
            "fs.protected_symlinks",
            "kernel.dmesg_restrict",
            "kernel.kexec_load_disabled",
            "kernel.kptr_restrict",
            "kernel.modules_disabled",
            "kernel.panic_on_oops",
            "kernel.perf_event_paranoid",
            "kernel.randomize_va_space",
            "kernel.yama.ptrace_scope",
            "net.core.bpf_jit_harden",
            "vm.mmap_min_addr",
        ),
        larger(),
    ),
}
_OF_NETWORKS: dict[str, Order] = {
    "rp_filter": words("0", "2", "1"),
    "router_solicitations": smaller(unlimited="-1"),
    **dict.fromkeys(
        (
            "accept_local",
            "accept_ra",
            "accept_ra_defrtr",
            "accept_ra_pinfo",
            "accept_redirects",
            "accept_source_route",
            "autoconf",
            "forwarding",
            "ip_forward",
            "proxy_arp",
            "route_localnet",
            "secure_redirects",
            "send_redirects",
            "shared_media",
        ),
        smaller(),
    ),
    **dict.fromkeys(
        (
            "arp_filter",
            "arp_ignore",
            "drop_gratuitous_arp",
            "icmp_echo_ignore_broadcasts",
            "icmp_ignore_bogus_error_responses",
            "log_martians",
            "tcp_rfc1337",
            "tcp_syncookies",
        ),
        larger(),
    ),
}


def order_of(name: str) -> Order:
    """Return how the values of a parameter compare; those of an unknown one cannot be ordered."""
    if name.startswith("net.") and name not in _OF_THE_KERNEL:
        return _OF_NETWORKS.get(name.rpartition(".")[2], unordered)
    return _OF_THE_KERNEL.get(name, unordered)
