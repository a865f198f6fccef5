"""Logs leave the machine that writes them: rsyslog forwards over TCP with a disk queue, to a file a sender.

The town's collector is the machine that plays the role `log-collector` and offers the syslog service. Looked at, on a
sender: the configuration as rsyslog itself reads it, and its live connection; on the collector: the listener, and how
long ago each sender was last heard.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from beffroi.city import City
from beffroi.kinds import KindModel, SettingModel, Site
from beffroi.network.routing import meeting
from beffroi.verdict import Finding, Outcome

from ._sections import look

if TYPE_CHECKING:
    from testinfra.host import Host as LiveHost

COLLECTOR_ROLE = "log-collector"

_HOUR = 3600
_ROTATION = "/etc/logrotate.d/beffroi-remote"
_OWNER = "cgroup:/system.slice/rsyslog.service"
"""Whose socket it is, as `ss --cgroup` says it to anybody; a process's name is for root alone."""
_ACTION = re.compile(r"^[^#\n]*\baction\((?P<words>[^)]*)\)", re.MULTILINE)
_WORD = re.compile(r'(?P<name>[\w.]+)="(?P<value>[^"]*)"')


class Params(KindModel):
    """`part`: what leaves a sender, or what reaches the collector; `silent_hours`: how long a sender may be silent."""

    part: Literal["sender", "collector"] = "sender"
    service: str = "syslog"
    silent_hours: Annotated[int, Field(ge=1, le=720)] = 24
    keep_days: Annotated[int, Field(ge=1, le=3650)] = 365


class Sender(KindModel):
    """A machine that sends its logs, and the address from which the collector hears it."""

    name: str
    address: str


class Setting(SettingModel):
    """Where a sender sends its logs (`address`, `port`); or whom a collector hears on `port`, and how long it keeps it.

    What is the other side's is empty.
    """

    part: Literal["sender", "collector"]
    port: int
    address: str = ""
    senders: tuple[Sender, ...] = ()
    silent_hours: int = 0
    keep_days: int = 0

    @property
    def key(self) -> str:
        """Return which side of the forwarding this is."""
        return self.part


def expected(params: Params, site: Site) -> list[Setting]:
    """Return the machine's side of the forwarding; nothing where the town has no collector, or for the other side."""
    collector = next(iter(site.city.hosts_with_role(COLLECTOR_ROLE)), None)
    if collector is None or (site.name == collector) != (params.part == "collector"):
        return []
    port = site.city.services[params.service].ranges()[0][0]
    if params.part == "collector":
        senders = tuple(_senders(site.city, collector))
        silent, kept = params.silent_hours, params.keep_days
        return [Setting(part="collector", port=port, senders=senders, silent_hours=silent, keep_days=kept)]
    sides = meeting(site.city, site.name, collector)
    return [Setting(part="sender", port=port, address=str(sides[1].ipv4))] if sides else []


def _senders(city: City, collector: str) -> Iterator[Sender]:
    for name in city.machines():
        sides = meeting(city, name, collector) if name != collector else None
        if sides:
            yield Sender(name=name, address=str(sides[0].ipv4))


def weakened(before: Params, after: Params) -> bool | None:
    """Tell whether a side is given up, silence is borne longer or lines are kept less; ways there are not ordered."""
    if before.part != after.part or after.silent_hours > before.silent_hours or after.keep_days < before.keep_days:
        return True
    return False if before.service == after.service else None


def observe(host: LiveHost, settings: Sequence[Setting]) -> dict[str, Any]:
    """Read rsyslog's whole configuration, its sockets, and the age in seconds of each sender's newest line."""
    names = sorted({sender.name for setting in settings for sender in setting.senders})
    newest = "; ".join(
        f"printf '{name} '; stat -c %Y {_files(name)} 2>/dev/null | sort -n | tail -1; echo" for name in names
    )
    seen = look(
        host,
        {
            "configuration": "rsyslogd -N1 -o /dev/stdout",
            "sockets": _patiently(settings) + "ss -Htna --cgroup",
            "now": "date +%s",
            "newest": newest or "true",
            "rotation": f"cat {_ROTATION}",
        },
        may_fail=frozenset({"configuration", "rotation"}),
    )
    now = int(seen["now"].text)
    return {
        "valid": seen["configuration"].code == 0,
        "forwards": _forwards(seen["configuration"].text),
        "sockets": [socket for line in seen["sockets"].lines() if _OWNER in line.split() for socket in [_socket(line)]],
        "kept": _kept(seen["rotation"].text if seen["rotation"].code == 0 else ""),
        "ages": {name: now - int(when) for name, *whens in map(str.split, seen["newest"].lines()) for when in whens},
    }


def _kept(rotation: str) -> list[int]:
    """Return the days that the collector keeps a sender's lines, by number of files and by age (logrotate(8))."""
    return [int(days) for days in re.findall(r"^\s*(?:rotate|maxage)\s+(\d{1,6})\s*$", rotation, re.MULTILINE)]


def _patiently(settings: Sequence[Setting]) -> str:
    """Wait up to four seconds for a sender's connection: one that the collector has just dropped is made anew."""
    loops = (
        f"for _ in 1 2 3 4 5 6 7 8; do ss -Htn --cgroup state established dst {setting.address} "
        f"dport = :{setting.port} | grep -qw rsyslog.service && break; sleep 0.5; done; "
        for setting in settings
        if setting.part == "sender"
    )
    return "".join(loops)


def _files(name: str) -> str:
    return f"/var/log/remote/{name}.log /var/log/remote/{name}.log.1"


def _forwards(configuration: str) -> list[dict[str, str]]:
    actions = (dict(_WORD.findall(action["words"])) for action in _ACTION.finditer(configuration))
    return [action for action in actions if action.get("type") == "omfwd"]


def _socket(line: str) -> list[str]:
    state, _, _, local, peer, *_ = line.split()
    return [state, local, peer]


def judge(settings: Sequence[Setting], facts: dict[str, Any]) -> list[Finding]:
    """Judge the side of the forwarding that each setting is about."""
    return [
        finding
        for setting in settings
        for finding in (_sender(setting, facts) if setting.part == "sender" else _collector(setting, facts))
    ]


def _sender(setting: Setting, facts: dict[str, Any]) -> Iterator[Finding]:
    collector = f"{setting.address}:{setting.port}"
    reliable = [
        f"{action['target']}:{action.get('port', '514')}"
        for action in facts["forwards"]
        if action.get("protocol") == "tcp" and action.get("queue.filename") and "target" in action
    ]
    configured = facts["valid"] and collector in reliable
    yield _finding(configured, "forwarding by TCP with a disk queue", collector, ", ".join(reliable) or "none")
    peers = [peer for state, _, peer in facts["sockets"] if state == "ESTAB"]
    yield _finding(collector in peers, "connection", collector, ", ".join(peers) or "none")


def _collector(setting: Setting, facts: dict[str, Any]) -> Iterator[Finding]:
    listening = [local for state, local, _ in facts["sockets"] if state == "LISTEN"]
    heard = any(local.endswith(f":{setting.port}") for local in listening)
    yield _finding(heard, "listener", f"tcp/{setting.port}", ", ".join(listening) or "none")
    kept = facts["kept"]
    days = " and ".join(map(str, kept)) or "no rule"
    yield _finding(kept == [setting.keep_days] * 2, "kept for", f"{setting.keep_days} days", days)
    for sender in setting.senders:
        age = facts["ages"].get(sender.name)
        fresh = age is not None and age <= setting.silent_hours * _HOUR
        observed = "never heard" if age is None else f"{age / _HOUR:.1f} h ago"
        yield _finding(fresh, sender.name, f"heard within {setting.silent_hours} h", observed)


def _finding(good: bool, subject: str, wanted: str, observed: str) -> Finding:  # noqa: FBT001 - the finding's outcome
    outcome = Outcome.PASS if good else Outcome.FAIL
    return Finding(outcome=outcome, subject=subject, expected=wanted, observed=observed)
