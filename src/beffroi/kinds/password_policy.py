"""What a password must be, how often one may guess, which ones may come back and how long one lives.

Four areas: `quality` (pam_pwquality), `lockout` (pam_faillock), `history` (pam_pwhistory) and `ageing` (login.defs, and
the accounts that have a password). Looked at: the PAM stack that each way in really goes through, the order of its
modules, and the values after PAM's own precedence (an argument in the stack wins over the module's file).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from beffroi.kinds import KindModel, SettingModel, Site
from beffroi.kinds._findings import finding as _finding
from beffroi.verdict import Finding

from ._order import Answer, Order, each, larger, smaller, unordered
from ._pam import PamLine, position, stack
from ._sections import look

if TYPE_CHECKING:
    from testinfra.host import Host as LiveHost

Area = Literal["quality", "lockout", "history", "ageing"]

WAYS_IN = ("login", "sshd", "sudo", "su")
_UNSET = "(unset)"
_FLAG = "yes"
_ORDERS: dict[str, Order] = {
    **dict.fromkeys(("minlen", "minclass", "difok", "dictcheck", "usercheck", "gecoscheck", "enforcing"), larger()),
    # A credit below zero is a number of characters that must be there (pwquality.conf(5)).
    **dict.fromkeys(("dcredit", "ucredit", "lcredit", "ocredit"), smaller()),
    **dict.fromkeys(("maxrepeat", "maxclassrepeat", "maxsequence"), smaller(unlimited="0")),
    "retry": smaller(),
    "deny": smaller(unlimited="0"),
    "fail_interval": larger(),
    **dict.fromkeys(("unlock_time", "root_unlock_time"), larger(strongest="0")),
    "remember": larger(),
    "PASS_MAX_DAYS": smaller(unlimited="-1"),
    **dict.fromkeys(("PASS_MIN_DAYS", "PASS_WARN_AGE", "FAIL_DELAY", "YESCRYPT_COST_FACTOR"), larger()),
    **dict.fromkeys(("LOGIN_RETRIES", "LOGIN_TIMEOUT"), smaller()),
}
"""How the values of each option compare (pwquality.conf(5), faillock.conf(5), pam_pwhistory(8), login.defs(5))."""

_IN_SHADOW = {"PASS_MIN_DAYS": "min", "PASS_MAX_DAYS": "max"}


class Params(KindModel):
    """Options of an area, as its module or file names them; `yes` for an option that is a bare word."""

    area: Area
    options: dict[str, str | int]


class Setting(SettingModel):
    """One option of one area."""

    area: Area
    option: str
    value: str

    @property
    def key(self) -> str:
        """Return the area and the option."""
        return f"{self.area} {self.option}"


EVERYWHERE = True


def expected(params: Params, site: Site) -> list[Setting]:  # noqa: ARG001 - the same on every machine
    """Return a setting an option."""
    return [Setting(area=params.area, option=name, value=str(value)) for name, value in params.options.items()]


def weakened(before: Params, after: Params) -> Answer:
    """Tell whether the area or one of its options is given up, or an option takes a value that asks for less."""
    if before.area != after.area:
        return True
    old, new = ({name: str(value) for name, value in it.options.items()} for it in (before, after))
    return each(old, new, lambda name: _ORDERS.get(name, unordered))


def observe(host: LiveHost, settings: Sequence[Setting]) -> dict[str, Any]:  # noqa: ARG001 - read as a whole
    """Read PAM's stacks, the modules' files, and the ages of passwords; no hash leaves the host."""
    stacks = 'cd /etc/pam.d && for f in *; do [ -f "$f" ] && { printf \'@@file %s\\n\' "$f"; cat "$f"; echo; }; done'
    quality = "cat /dev/null $(ls /etc/security/pwquality.conf.d/*.conf 2>/dev/null) /etc/security/pwquality.conf"
    seen = look(
        host,
        {
            "pam": stacks,
            "quality": quality,
            "lockout": "cat /etc/security/faillock.conf",
            "ageing": "cat /etc/login.defs",
            "accounts": "awk -F: -v OFS=: '$2 ~ /^[$]/ { print $1, $4, $5 }' /etc/shadow",
        },
        may_fail=frozenset({"quality", "lockout"}),
    )
    files = {name: text for name, _, text in (part.partition("\n") for part in seen["pam"].text.split("@@file ")[1:])}
    return {
        "auth": {service: _plain(stack(files, service, "auth")) for service in WAYS_IN if service in files},
        "account": {service: _plain(stack(files, service, "account")) for service in WAYS_IN if service in files},
        "password": {"passwd": _plain(stack(files, "passwd", "password"))},
        "quality": _options(seen["quality"].text, r"\s*=\s*|\s+"),
        "lockout": _options(seen["lockout"].text, r"\s*=\s*|\s+"),
        "ageing": _options(seen["ageing"].text, r"\s+"),
        "accounts": {
            name: {"min": low, "max": high} for name, low, high in (a.split(":") for a in seen["accounts"].lines())
        },
    }


def _plain(lines: list[PamLine]) -> list[list[Any]]:
    return [[line.control, line.module, list(line.arguments)] for line in lines]


def _options(text: str, separator: str) -> dict[str, str]:
    """Return a file's options: of two lines for one option, the last wins."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    pairs = (re.split(separator, line, maxsplit=1) for line in lines if line)
    return {name: rest[0] if rest else _FLAG for name, *rest in pairs}


def judge(settings: Sequence[Setting], facts: dict[str, Any]) -> list[Finding]:
    """Judge each area's place in the stacks once, then each of its options."""
    areas = list(dict.fromkeys(setting.area for setting in settings))
    places = [finding for area in areas if area in _PLACES for finding in _PLACES[area](facts)]
    return places + [finding for setting in settings for finding in _judge(setting, facts)]


def _judge(setting: Setting, facts: dict[str, Any]) -> Iterator[Finding]:
    found = _effective(setting.area, facts).get(setting.option, _UNSET)
    yield _finding(found == setting.value, setting.option, setting.value, found)
    if setting.area == "ageing" and (side := _IN_SHADOW.get(setting.option)):
        for name, ages in facts["accounts"].items():
            subject = f"{setting.option} of {name}"
            yield _finding(_keeps(side, ages[side], int(setting.value)), subject, setting.value, ages[side] or _UNSET)


def _keeps(side: str, found: str, value: int) -> bool:
    if not found.lstrip("-").isdigit():
        return False
    return int(found) >= value if side == "min" else 0 <= int(found) <= value


def _effective(area: Area, facts: dict[str, Any]) -> Mapping[str, str]:
    if area == "ageing":
        return facts["ageing"]  # type: ignore[no-any-return]
    if area == "lockout":
        words = [_arguments(lines, "pam_faillock") for lines in facts["auth"].values()]
        return {**facts["lockout"], **{name: value for arguments in words for name, value in arguments.items()}}
    lines = facts["password"]["passwd"]
    if area == "quality":
        return {**facts["quality"], **_arguments(lines, "pam_pwquality")}
    return _arguments(lines, "pam_pwhistory")


def _arguments(lines: list[list[Any]], module: str) -> dict[str, str]:
    pairs = (word.partition("=") for _, name, words in lines if name == module for word in words)
    return {name: value if equal else _FLAG for name, equal, value in pairs}


def _quality_place(facts: dict[str, Any]) -> Iterator[Finding]:
    yield _before_unix(facts, "pam_pwquality")


def _history_place(facts: dict[str, Any]) -> Iterator[Finding]:
    yield _before_unix(facts, "pam_pwhistory")


def _before_unix(facts: dict[str, Any], module: str) -> Finding:
    lines = _typed(facts["password"]["passwd"])
    place, unix = position(lines, module), position(lines, "pam_unix")
    good = place is not None and unix is not None and place < unix and lines[place].refuses
    return _finding(good, "passwd", f"{module} before pam_unix", _shown(lines))


def _lockout_place(facts: dict[str, Any]) -> Iterator[Finding]:
    for service, plain in facts["auth"].items():
        lines, account = _typed(plain), _typed(facts["account"][service])
        unix = position(lines, "pam_unix")
        before, after = position(lines, "pam_faillock", "preauth"), position(lines, "pam_faillock", "authfail")
        ordered = None not in (before, unix, after) and before < unix < after  # type: ignore[operator]
        counts = ordered and lines[before or 0].refuses and "default=die" in lines[after or 0].control
        resets = position(account, "pam_faillock") is not None
        wanted = "pam_faillock before and after pam_unix, and in account"
        yield _finding(counts and resets, service, wanted, f"{_shown(lines)}; account: {_shown(account)}")


_PLACES: dict[str, Callable[[dict[str, Any]], Iterator[Finding]]] = {
    "quality": _quality_place,
    "lockout": _lockout_place,
    "history": _history_place,
}


def _typed(plain: list[list[Any]]) -> list[PamLine]:
    return [PamLine(control, module, tuple(arguments)) for control, module, arguments in plain]


def _shown(lines: list[PamLine]) -> str:
    return " > ".join(" ".join((line.module, *line.arguments)) for line in lines) or "(empty)"
