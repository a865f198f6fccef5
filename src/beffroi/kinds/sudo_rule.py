"""Who may act as root, and how sudo behaves for them.

`accounts` owns the whole of sudoers: nobody else has a rule, by name or by group, and only those in `without_password`
are not asked for one. `defaults` sets sudo's options for everyone but the accounts that `exempt` names, option by
option. Looked at: sudoers as sudo itself parses it, includes and aliases resolved, and the members of its groups.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, StringConstraints

from beffroi.city.machines import UnixName
from beffroi.kinds import KindModel, SettingModel, Site
from beffroi.kinds._findings import finding as _finding
from beffroi.verdict import Finding

from ._order import Answer, Order, altogether, each, fewer_bits, lacks, unordered, words
from ._sections import look

if TYPE_CHECKING:
    from testinfra.host import Host as LiveHost

Option = Annotated[str, StringConstraints(pattern=r"^[a-z_]+$", max_length=40)]
Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9/_.-]+$", max_length=100)]

ON, OFF = "on", "off"
_UNSET = "(unset)"
_STRONGER_ON = frozenset(
    {"env_reset", "ignore_dot", "log_allowed", "log_denied", "noexec", "requiretty", "tty_tickets", "use_pty"}
)
_STRONGER_OFF = frozenset({"setenv", "visiblepw", "pwfeedback", "rootpw", "targetpw"})
"""Options whose values compare (sudoers(5), SUDOERS OPTIONS)."""


class Params(KindModel):
    """The accounts that may use sudo, and sudo's options: `on`, `off` or a value; `exempt` lists accounts an option."""

    accounts: tuple[UnixName, ...] = ()
    without_password: tuple[UnixName, ...] = ()
    defaults: dict[Option, Word] = {}
    exempt: Annotated[dict[Option, dict[UnixName, Word]], Field(description="option, account, its own value")] = {}


class Setting(SettingModel):
    """Either the accounts (`rule: accounts`), or one option of sudo (`rule: default`)."""

    rule: Literal["accounts", "default"]
    accounts: tuple[str, ...] = ()
    without_password: tuple[str, ...] = ()
    option: str = ""
    value: str = ""
    exempt: dict[str, str] = {}

    @property
    def key(self) -> str:
        """Return the option, or `accounts`."""
        return self.option or self.rule


EVERYWHERE = True


def expected(params: Params, site: Site) -> list[Setting]:  # noqa: ARG001 - the same on every machine
    """Return one setting for the accounts, if the control names any, and one an option."""
    found = []
    if params.accounts:
        accounts = Setting(rule="accounts", accounts=params.accounts, without_password=params.without_password)
        found.append(accounts)
    for option, value in params.defaults.items():
        found.append(Setting(rule="default", option=option, value=value, exempt=params.exempt.get(option, {})))
    return found


def weakened(before: Params, after: Params) -> Answer:
    """Tell whether more accounts may use sudo, an option is given up, or somebody else is spared it."""
    if before.accounts and (not after.accounts or lacks(after.accounts, before.accounts)):
        return True
    if before.accounts and lacks(after.without_password, before.without_password):
        return True
    spared = {(option, name) for option in before.defaults for name in after.exempt.get(option, {})}
    known = {(option, name) for option in before.defaults for name in before.exempt.get(option, {})}
    exempt = [_exemption(before, after, *pair) for pair in sorted(spared & known)]
    return altogether((lacks(spared, known), each(before.defaults, after.defaults, _order), *exempt))


def _exemption(before: Params, after: Params, option: str, name: str) -> Answer:
    old, new = before.exempt[option][name], after.exempt[option][name]
    return False if old == new else None


def _order(option: str) -> Order:
    if option == "umask":
        return lambda before, after: fewer_bits(after, before)
    if option in _STRONGER_OFF:
        return words(ON, OFF)
    return words(OFF, ON) if option in _STRONGER_ON else unordered


def observe(host: LiveHost, settings: Sequence[Setting]) -> dict[str, Any]:  # noqa: ARG001 - read as a whole
    """Have sudo's own parser read sudoers, and list who is in which group."""
    seen = look(
        host,
        {
            "valid": "visudo -c -q",
            "rules": "cvtsudoers -f json -e /etc/sudoers",
            "groups": "getent group",
            "accounts": "getent passwd",
        },
        may_fail=frozenset({"valid"}),
    )
    rules = json.loads(seen["rules"].text)
    return {
        "valid": seen["valid"].code == 0,
        "defaults": rules.get("Defaults", []),
        "rules": rules.get("User_Specs", []),
        "members": _members(seen["groups"].lines(), seen["accounts"].lines()),
    }


def _members(groups: list[str], accounts: list[str]) -> dict[str, list[str]]:
    """Return each group's accounts: those that it lists, and those whose first group it is."""
    first: dict[str, list[str]] = {}
    for name, _, _, group, *_ in (line.split(":") for line in accounts):
        first.setdefault(group, []).append(name)
    rows = [line.split(":") for line in groups]
    return {name: sorted({*first.get(gid, []), *filter(None, listed.split(","))}) for name, _, gid, listed in rows}


def judge(settings: Sequence[Setting], facts: dict[str, Any]) -> list[Finding]:
    """Judge the accounts and the options; sudoers that sudo refuses to read grants nothing as declared."""
    found = [_finding(facts["valid"], "sudoers", "valid", "valid" if facts["valid"] else "refused by visudo")]
    for setting in settings:
        found += _accounts(setting, facts) if setting.rule == "accounts" else [_default(setting, facts)]
    return found


def _accounts(setting: Setting, facts: dict[str, Any]) -> Iterator[Finding]:
    holders = {who for rule in facts["rules"] for who in _holders(rule, facts)}
    yield _among("may use sudo", holders, set(setting.accounts))
    free = {who for rule in facts["rules"] if _asks_nothing(rule) for who in _holders(rule, facts)}
    free |= {
        who
        for default in facts["defaults"]
        if _options(default).get("authenticate") == OFF
        for who in _bound(default) or {"everyone"}
    }
    yield _among("without a password", free, set(setting.without_password))
    negated = [_shown(rule) for rule in facts["rules"] if _negates(rule)]
    yield _finding(not negated, "commands refused by negation", "none", "; ".join(negated) or "none")


def _among(subject: str, found: set[str], allowed: set[str]) -> Finding:
    beyond = ", ".join(sorted(found - allowed))
    return _finding(not beyond, subject, ", ".join(sorted(allowed)) or "nobody", beyond or "none beyond")


def _holders(rule: dict[str, Any], facts: dict[str, Any]) -> Iterator[str]:
    for holder in rule["User_List"]:
        if holder.get("negated"):
            continue
        if "usergroup" in holder:
            yield from facts["members"].get(holder["usergroup"], [])
        else:
            yield str(next(value for name, value in holder.items() if name != "negated"))


def _asks_nothing(rule: dict[str, Any]) -> bool:
    return any(_options(command).get("authenticate") == OFF for command in rule["Cmnd_Specs"])


def _negates(rule: dict[str, Any]) -> bool:
    return any(command.get("negated") for spec in rule["Cmnd_Specs"] for command in spec["Commands"])


def _shown(rule: dict[str, Any]) -> str:
    return json.dumps(rule, sort_keys=True)


def _default(setting: Setting, facts: dict[str, Any]) -> Finding:
    everyone, others = _UNSET, []
    for default in facts["defaults"]:
        value = _options(default).get(setting.option)
        if value is None:
            continue
        if "Binding" not in default:
            everyone = value
        elif value != setting.value and any(setting.exempt.get(who) != value for who in _bound(default)):
            others.append(f"{value} for {', '.join(sorted(_bound(default)))}")
    good = everyone == setting.value and not others
    return _finding(good, setting.option, setting.value, "; ".join([everyone, *others]))


def _options(holder: dict[str, Any]) -> dict[str, str]:
    words = {True: ON, False: OFF}
    pairs = ((name, value) for option in holder.get("Options", []) for name, value in option.items())
    return {name: words[value] if isinstance(value, bool) else str(value) for name, value in pairs}


def _bound(default: dict[str, Any]) -> set[str]:
    return {" ".join(map(str, who.values())) for who in default.get("Binding", [])}
