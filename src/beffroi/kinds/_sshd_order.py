"""Which values of sshd's options ask for less than others (sshd_config(5), OpenSSH 9.2). Pure data and orders."""

from __future__ import annotations

import re

from ._order import Answer, Order, altogether, lacks, larger, smaller, unordered, words

_NO_IS_STRONGER = words("yes", "no")
_YES_IS_STRONGER = words("no", "yes")
_FORWARDING = words(("yes", "all"), ("local", "remote"), "no")
_OLD_CRYPTOGRAPHY = re.compile(
    r"cbc|arcfour|3des|blowfish|cast128|md5|sha1(?!\d)|ripemd|umac-64|-96(?!\d)|group1-|^ssh-dss|^ssh-rsa(?!-sha2)",
    re.IGNORECASE,
)
"""Algorithms that ANSSI's OpenSSH guide and OpenSSH itself have given up."""


def _algorithms(before: str, after: str) -> Answer:
    """Compare lists of algorithms, whose order does not protect: sshd follows the client's preference (RFC 4253, 7.1).

    Whatever is added weakens, unless something else goes at the same time: then only an old algorithm surely does.
    """
    old, new = set(before.lower().split(",")), set(after.lower().split(","))
    added = new - old
    if any(_OLD_CRYPTOGRAPHY.search(name) for name in added):
        return True
    if added and lacks(old, new):
        return None
    return bool(added)


def _methods(before: str, after: str) -> Answer:
    """Compare what a login must present: one factor less weakens; `any` asks for any single one."""
    if "any" in (before, after):
        return after == "any"
    old, new = set(before.split(",")), set(after.split(","))
    return True if new < old else False if old <= new else None


def _startups(before: str, after: str) -> Answer:
    """Compare `start:rate:full`: how many unauthenticated connections there may be, and how many are dropped."""
    old, new = before.split(":"), after.split(":")
    if len(old) != len(new):
        return None
    orders = (smaller(), larger(), smaller())
    worse = altogether(order(one, other) for order, one, other in zip(orders, old, new, strict=False))
    better = altogether(order(other, one) for order, one, other in zip(orders, old, new, strict=False))
    return None if worse and better else worse


def _none_is_stronger(before: str, after: str) -> Answer:
    """Compare commands that sshd would trust: none is safest, and two of them cannot be ordered."""
    return True if before == "none" else False if after == "none" else None


_ORDERS: dict[str, Order] = {
    "permitrootlogin": words("yes", ("prohibit-password", "without-password"), "forced-commands-only", "no"),
    "allowtcpforwarding": _FORWARDING,
    "allowstreamlocalforwarding": _FORWARDING,
    "gatewayports": words("yes", "clientspecified", "no"),
    "permittunnel": words("yes", ("point-to-point", "ethernet"), "no"),
    "ignorerhosts": words("no", "shosts-only", "yes"),
    "compression": words(("yes", "delayed"), "no"),
    "loglevel": words("quiet", "fatal", "error", "info", "verbose"),
    "maxauthtries": smaller(),
    "maxsessions": smaller(),
    "maxstartups": _startups,
    "logingracetime": smaller(unlimited="0"),
    "clientaliveinterval": smaller(unlimited="0"),
    "clientalivecountmax": smaller(unlimited="0"),
    "requiredrsasize": larger(),
    "authenticationmethods": _methods,
    "authorizedkeyscommand": _none_is_stronger,
    **dict.fromkeys(
        (
            "passwordauthentication",
            "permitemptypasswords",
            "kbdinteractiveauthentication",
            "hostbasedauthentication",
            "gssapiauthentication",
            "kerberosauthentication",
            "x11forwarding",
            "allowagentforwarding",
            "permituserenvironment",
            "permituserrc",
            "permittty",
            "exposeauthinfo",
        ),
        _NO_IS_STRONGER,
    ),
    **dict.fromkeys(
        ("strictmodes", "disableforwarding", "ignoreuserknownhosts", "printlastlog", "usepam"), _YES_IS_STRONGER
    ),
    **dict.fromkeys(
        (
            "ciphers",
            "macs",
            "kexalgorithms",
            "hostkeyalgorithms",
            "pubkeyacceptedalgorithms",
            "hostbasedacceptedalgorithms",
            "casignaturealgorithms",
        ),
        _algorithms,
    ),
}


def order_of(option: str) -> Order:
    """Return how the values of an option compare; those of an unknown one cannot be ordered."""
    return _ORDERS.get(option.lower(), unordered)
