"""One option of the OpenSSH server, as the daemon itself reads its configuration (`sshd -T`, sshd_config(5)).

`sshd -T` alone could lie in three ways, so all three are observed too: a `Match` section that gives the option another
value to some connections, an `Include` of files that we do not read, and files written after the daemon last read them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import StringConstraints, field_validator

from beffroi.kinds import KindModel, SettingModel, Site
from beffroi.messages import say
from beffroi.verdict import Finding, Outcome

from ._asking import ask_all
from ._order import Answer, step
from ._sshd_order import order_of

if TYPE_CHECKING:
    from testinfra.host import Host as LiveHost

_CUMULATIVE = frozenset(
    {
        "acceptenv",
        "allowgroups",
        "allowusers",
        "denygroups",
        "denyusers",
        "hostcertificate",
        "hostkey",
        "listenaddress",
        "permitlisten",
        "permitopen",
        "port",
        "setenv",
        "subsystem",
    }
)
_OWN_INCLUDE = re.compile(
    r"^/etc/ssh/sshd_config:\d+: \s*include\s+/etc/ssh/sshd_config\.d/\*\.conf\s*$", re.IGNORECASE
)
_EFFECTIVE = "/usr/sbin/sshd -T || exit 1"
"""Not sshd's own 255, which would read as a connection that failed."""

_EXCEPTIONS = r"""
for file in /etc/ssh/sshd_config /etc/ssh/sshd_config.d/*.conf; do
  [ ! -f "$file" ] || awk -v file="$file" '
    { word = tolower($0); sub(/^[ \t]+/, "", word) }
    word ~ /^match[ \t=]/ { section = 1; next }
    (section && word != "" && word !~ /^#/) || word ~ /^include[ \t=]/ { print file ":" FNR ": " $0 }' "$file"
done"""
_UNREAD = """
since=$(systemctl show --timestamp=us+utc -P StateChangeTimestamp ssh.service)
if [ "$(systemctl show -P ActiveState ssh.service)" = active ] && [ -n "$since" ]; then
  find /etc/ssh/sshd_config /etc/ssh/sshd_config.d -newermt "${since#* }" | sort
fi"""
_LINE = re.compile(r"^(?P<place>[^:]+:\d+): \s*(?P<option>\w+)[\s=]+\"?(?P<value>[^\"]*)\"?\s*$")

Option = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Za-z0-9]{2,60}$")]
Value = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9./][A-Za-z0-9@.,:/_+-]*$", max_length=1000)]


class Params(KindModel):
    """An option as sshd_config(5) spells it, and its value as `sshd -T` prints it."""

    option: Option
    value: Value

    @field_validator("option")
    @classmethod
    def _decided_by_its_first_line(cls, option: str) -> str:
        if option.lower() in _CUMULATIVE:
            raise ValueError(say("kinds-a-cumulative", option=option))
        return option


class Setting(SettingModel):
    """One option and its value."""

    option: Option
    value: Value

    @property
    def key(self) -> str:
        """Return the option."""
        return self.option.lower()


EVERYWHERE = True


def expected(params: Params, site: Site) -> list[Setting]:  # noqa: ARG001 - the same on every machine
    """Return the one setting that `params` names."""
    return [Setting(option=params.option, value=params.value)]


def weakened(before: Params, after: Params) -> Answer:
    """Tell whether the option is given up, or takes a value that refuses less."""
    same = before.option.lower() == after.option.lower()
    return step(before.value, after.value, order_of(before.option)) if same else True


def observe(host: LiveHost, settings: list[Setting]) -> dict[str, Any]:
    """Return the options in force, those of `settings` alone, and whatever could give a connection other ones."""
    seen = ask_all(host, effective=_EFFECTIVE, exceptions=_EXCEPTIONS, unread=_UNREAD)
    pairs = (line.partition(" ") for line in seen["effective"].splitlines())
    effective = {option: value for option, _, value in pairs}
    return {
        "effective": {setting.key: effective.get(setting.key) for setting in settings},
        "exceptions": [line for line in seen["exceptions"].splitlines() if not _OWN_INCLUDE.match(line)],
        "unread": seen["unread"].split(),
    }


def judge(settings: list[Setting], facts: dict[str, Any]) -> list[Finding]:
    """Compare each option with the value in force, everywhere and for every connection."""
    return [_finding(setting, facts) for setting in settings]


def _finding(setting: Setting, facts: dict[str, Any]) -> Finding:
    value = facts["effective"][setting.key]
    observed = [] if _same(value, setting.value) else [str(value)]
    observed += [line for line in facts["exceptions"] if _overrides(setting, line)]
    if not observed and facts["unread"]:
        observed = [f"{value}, but sshd has not read {name} since it changed" for name in facts["unread"]]
    return Finding(
        outcome=Outcome.FAIL if observed else Outcome.PASS,
        subject=setting.option,
        expected=setting.value,
        observed="; ".join(observed) or str(value),
    )


def _overrides(setting: Setting, line: str) -> bool:
    match = _LINE.match(line)
    if not match:
        return setting.key in line.lower()
    if match["option"].lower() == "include":
        return True
    return match["option"].lower() == setting.key and not _same(match["value"], setting.value)


def _same(observed: str | None, wanted: str) -> bool:
    return observed is not None and observed.strip().lower() == wanted.lower()
