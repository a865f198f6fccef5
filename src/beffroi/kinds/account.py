"""Who exists on a machine, who can log in, and with what (getent(1), shadow(5), sshd(8) AUTHORIZED_KEYS FILE FORMAT).

A password's hash never leaves the machine: it is reduced there to the name of its scheme. Nor do keys' comments, which
name persons, or the lines of a file that somebody linked in a key file's place.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import StringConstraints, model_validator

from beffroi.city import Host
from beffroi.errors import CouldNotLook
from beffroi.kinds import KindModel, SettingModel, Site
from beffroi.messages import say
from beffroi.verdict import Finding, Outcome

from ._asking import ask_all
from ._order import Answer, lacks

if TYPE_CHECKING:
    from testinfra.host import Host as LiveHost

_ORDINARY = range(1000, 60000)
"""The user ids of persons (login.defs, UID_MIN and UID_MAX); every other one is the system's."""

_NO_LOGIN = frozenset({"/usr/sbin/nologin", "/sbin/nologin", "/bin/false", "/usr/bin/false"})
_NO_PASSWORD = frozenset({"locked", "absent"})
_OPEN = frozenset({"empty"})
_SCHEMES = {
    "y": "yescrypt",
    "gy": "gost-yescrypt",
    "7": "scrypt",
    "2b": "bcrypt",
    "6": "sha512",
    "5": "sha256",
    "1": "md5",
}
_KEY = re.compile(r"^(?P<options>.*?)\s*(?P<key>(?:ssh-|ecdsa-|sk-)\S+\s+AAAA[A-Za-z0-9+/=]+)")
_REDUCE = """awk -F: 'function scheme(hash, parts) {
    if (hash == "") return "empty"; if (hash ~ /^[!*]/) return "locked"
    return split(hash, parts, "$") > 2 ? "$" parts[2] : "des" }"""
_ACCOUNTS = rf"""getent passwd | {_REDUCE}
  {{ print $1 ":" ($2 == "x" ? "shadow" : scheme($2)) ":" $3 ":" $6 ":" $7 }}'"""
_PASSWORDS = rf"""{_REDUCE}
  {{ print $1 ":" scheme($2) }}' /etc/shadow"""
_KEYS = r"""
getent passwd | while IFS=: read -r name x uid gid gecos home shell; do
  for file in "$home/.ssh/authorized_keys" "$home/.ssh/authorized_keys2"; do
    [ ! -f "$file" ] || sed -E "/^[[:space:]]*(#|\$)/d; /AAAA/!s/.*/(not a key)/
      s/((ssh-|ecdsa-|sk-)[^[:space:]]+[[:space:]]+AAAA[A-Za-z0-9+\/=]+).*/\1/; s/^/$name /" "$file"
  done
done"""

UnixName = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_-]{0,30}$")]
Key = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,8000}$")]


class Rule(StrEnum):
    """What an account setting asks for."""

    ONE_ROOT = "one-root"
    """No account but root has root's user id."""
    NO_EMPTY_PASSWORD = "no-empty-password"  # noqa: S105 - a rule's name
    """No account lets anybody in without a password."""
    YESCRYPT = "yescrypt"
    """Every password is kept as yescrypt (crypt(5))."""
    SYSTEM_LOCKED = "system-locked"
    """Accounts of the system, but root and those `allowed`, have neither login shell nor password."""
    KNOWN_LOGINS = "known-logins"
    """No account but those `allowed` has a login shell."""
    KEY_HOLDERS = "key-holders"
    """No account but those `allowed` has SSH keys."""
    LOCKED = "locked"
    """The account has no password that works."""
    KEYS = "keys"
    """The account has exactly the `allowed` SSH keys."""
    SERVICE = "service"
    """The account and the `allowed` groups exist; it has neither login shell, nor password, nor SSH keys."""


_OF_ONE_ACCOUNT = frozenset({Rule.LOCKED, Rule.KEYS, Rule.SERVICE})


class Params(KindModel):
    """A rule; the accounts that it is about, or `store_owners`, those that own stores here; whom or what it allows."""

    rule: Rule
    accounts: tuple[UnixName, ...] = ()
    allowed: tuple[Key, ...] = ()
    store_owners: bool = False

    @model_validator(mode="after")
    def _is_about_somebody(self) -> Self:
        if (self.rule in _OF_ONE_ACCOUNT) != bool(self.accounts or self.store_owners):
            raise ValueError(say("kinds-a-accounts", rule=self.rule.value))
        return self


class Setting(SettingModel):
    """One rule, about one account or about all of them (`account` empty)."""

    rule: Rule
    account: str = ""
    allowed: tuple[Key, ...] = ()

    @property
    def key(self) -> str:
        """Return the rule and the account."""
        return f"{self.rule.value} {self.account}".strip()


def expected(params: Params, site: Site) -> list[Setting]:
    """Return a setting for each account that the rule is about, or one for them all."""
    if params.rule not in _OF_ONE_ACCOUNT:
        return [Setting(rule=params.rule, allowed=params.allowed)]
    groups: dict[str, list[str]] = {name: list(params.allowed) for name in params.accounts}
    if params.store_owners and isinstance(site.machine, Host):
        for store in site.machine.stores.values():
            if store.owner != "root":
                groups.setdefault(store.owner, []).append(store.group)
    return [
        Setting(rule=params.rule, account=name, allowed=tuple(sorted(set(allowed)))) for name, allowed in groups.items()
    ]


def weakened(before: Params, after: Params) -> Answer:
    """Tell whether somebody is no longer asked about, or somebody else is let in; groups of service accounts stay."""
    if before.rule != after.rule or before.store_owners > after.store_owners or lacks(before.accounts, after.accounts):
        return True
    if before.rule is Rule.SERVICE:
        return lacks(before.allowed, after.allowed)
    return lacks(after.allowed, before.allowed)


def observe(host: LiveHost, settings: list[Setting]) -> dict[str, Any]:  # noqa: ARG001 - rules are about all accounts
    """Return every account with its shell and its password's scheme, the groups, and the SSH keys without comments."""
    seen = ask_all(host, accounts=_ACCOUNTS, passwords=_PASSWORDS, groups="getent group | cut -d: -f1", keys=_KEYS)
    passwords = dict(line.split(":", 1) for line in seen["passwords"].splitlines())
    accounts = {}
    for line in seen["accounts"].splitlines():
        fields = line.split(":", 4)
        if len(fields) != len(("name", "password", "uid", "home", "shell")):
            raise CouldNotLook(say("kinds-a-unreadable", line=line))
        name, kept, uid, home, shell = fields
        scheme = _scheme(passwords.get(name, "absent") if kept == "shadow" else kept)
        accounts[name] = {"uid": int(uid), "home": home, "shell": shell, "password": scheme}
    keys: dict[str, list[str]] = {}
    for line in seen["keys"].splitlines():
        name, _, key = line.partition(" ")
        keys.setdefault(name, []).append(_without_comment(key))
    return {"accounts": accounts, "groups": sorted(set(seen["groups"].split())), "keys": keys}


def judge(settings: list[Setting], facts: dict[str, Any]) -> list[Finding]:
    """Compare each rule with the accounts that are there; a failure names those that break it."""
    return [_finding(setting, facts) for setting in settings]


def _finding(setting: Setting, facts: dict[str, Any]) -> Finding:
    broken_by = _JUDGES[setting.rule](setting, facts)
    return Finding(
        outcome=Outcome.FAIL if broken_by else Outcome.PASS,
        subject=setting.account or "accounts",
        expected=" ".join([setting.rule.value, *map(_without_comment, setting.allowed)]),
        observed="; ".join(broken_by) or setting.rule.value,
    )


def _one_root(_: Setting, facts: dict[str, Any]) -> list[str]:
    return [f"{name}: uid 0" for name, account in facts["accounts"].items() if account["uid"] == 0 and name != "root"]


def _no_empty_password(_: Setting, facts: dict[str, Any]) -> list[str]:
    return [f"{name}: empty password" for name, it in facts["accounts"].items() if it["password"] in _OPEN]


def _yescrypt(_: Setting, facts: dict[str, Any]) -> list[str]:
    fine = _NO_PASSWORD | _OPEN | {"yescrypt"}
    return [f"{name}: {it['password']}" for name, it in facts["accounts"].items() if it["password"] not in fine]


def _system_locked(setting: Setting, facts: dict[str, Any]) -> list[str]:
    spared = {"root", *setting.allowed}
    system = [name for name, it in facts["accounts"].items() if it["uid"] not in _ORDINARY and name not in spared]
    return [way for name in system for way in _ways_in(name, facts)]


def _known_logins(setting: Setting, facts: dict[str, Any]) -> list[str]:
    unknown = [name for name in facts["accounts"] if name not in setting.allowed]
    return [way for name in unknown for way in _ways_in(name, facts) if "shell" in way]


def _key_holders(setting: Setting, facts: dict[str, Any]) -> list[str]:
    return [f"{name}: {len(keys)} SSH key(s)" for name, keys in facts["keys"].items() if name not in setting.allowed]


def _locked(setting: Setting, facts: dict[str, Any]) -> list[str]:
    return [way for way in _ways_in(setting.account, facts) if "password" in way]


def _keys(setting: Setting, facts: dict[str, Any]) -> list[str]:
    wanted = {_without_comment(key) for key in setting.allowed}
    found = set(facts["keys"].get(setting.account, []))
    return [f"unknown key {key}" for key in sorted(found - wanted)] + [f"no {key}" for key in sorted(wanted - found)]


def _service(setting: Setting, facts: dict[str, Any]) -> list[str]:
    missing = [f"no group {group}" for group in setting.allowed if group not in facts["groups"]]
    if setting.account not in facts["accounts"]:
        return [f"no account {setting.account}", *missing]
    keys = [f"{len(facts['keys'][setting.account])} SSH key(s)"] if facts["keys"].get(setting.account) else []
    return [*missing, *_ways_in(setting.account, facts), *keys]


def _ways_in(name: str, facts: dict[str, Any]) -> list[str]:
    account = facts["accounts"].get(name)
    if account is None:
        return []
    shell = [] if account["shell"] in _NO_LOGIN else [f"{name}: shell {account['shell'] or '/bin/sh'}"]
    password = [] if account["password"] in _NO_PASSWORD else [f"{name}: {account['password']} password"]
    return shell + password


_JUDGES: dict[Rule, Callable[[Setting, dict[str, Any]], list[str]]] = {
    Rule.ONE_ROOT: _one_root,
    Rule.NO_EMPTY_PASSWORD: _no_empty_password,
    Rule.YESCRYPT: _yescrypt,
    Rule.SYSTEM_LOCKED: _system_locked,
    Rule.KNOWN_LOGINS: _known_logins,
    Rule.KEY_HOLDERS: _key_holders,
    Rule.LOCKED: _locked,
    Rule.KEYS: _keys,
    Rule.SERVICE: _service,
}


def _scheme(reduced: str) -> str:
    return _SCHEMES.get(reduced[1:], reduced) if reduced.startswith("$") else reduced


def _without_comment(line: str) -> str:
    match = _KEY.match(line)
    return " ".join(f"{match['options']} {match['key']}".split()) if match else line.strip()
