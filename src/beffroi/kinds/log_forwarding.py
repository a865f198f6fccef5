"""Logs leave the machine that writes them: rsyslog forwards over TLS (RFC 5425) with a disk queue, to a file a sender.

The town's collector is the machine that plays the role `log-collector` and offers the syslog service. Both sides show
the certificate of their machine (`certificate`) and take the other's by its name alone, `<machine>.<town>.internal`.
Looked at, on a sender: the configuration as rsyslog itself reads it, that it was read since it changed, and the live
connection; on the collector: the listeners, how long ago each sender was last heard, and the days of its oldest lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from beffroi.city import City
from beffroi.city.roles import COLLECTOR_ROLE
from beffroi.kinds import KindModel, SettingModel, Site
from beffroi.kinds._findings import finding as _finding
from beffroi.network.routing import meeting
from beffroi.verdict import Finding

from . import _rsyslog as rsyslog
from . import _tls as tls
from ._sections import look

if TYPE_CHECKING:
    from testinfra.host import Host as LiveHost


_HOUR = 3600
_REMOTE = "/var/log/remote"
_ROTATION = "/etc/logrotate.d/beffroi-remote"
_FIRST_OURS = 'name="beffroi-collector"'
_OWNER = "cgroup:/system.slice/rsyslog.service"
"""Whose socket it is, as `ss --cgroup` says it to anybody; a process's name is for root alone."""

_CA = "defaultnetstreamdrivercafile"
_FLOOR = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"
"""TLS 1.2 or 1.3, in GnuTLS's words (ANSSI's TLS guide, R3)."""


class Params(KindModel):
    """`part`: what leaves a sender, or what reaches the collector; `silent_hours`: how long a sender may be silent.

    `keep_days`: how long the collector keeps a line; a day less than two could not be told from a rotation.
    """

    part: Literal["sender", "collector"] = "sender"
    service: str = "syslog"
    silent_hours: Annotated[int, Field(ge=1, le=720)] = 24
    keep_days: Annotated[int, Field(ge=2, le=3650)] = 365


class Sender(KindModel):
    """A machine that sends its logs, and the address from which the collector hears it."""

    name: str
    address: str


class Setting(SettingModel):
    """Where a sender sends its logs (`address`, `port`); or whom a collector hears on `port`, and how long it keeps it.

    `collector` names the collector, and `domain` what follows a machine's name in its certificate. What is the other
    side's is empty.
    """

    part: Literal["sender", "collector"]
    port: int
    collector: str
    domain: str
    address: str = ""
    senders: tuple[Sender, ...] = ()
    silent_hours: int = 0
    keep_days: int = 0

    @property
    def key(self) -> str:
        """Return which side of the forwarding this is."""
        return self.part

    def peers(self) -> set[str]:
        """Return the names in certificates that this side takes."""
        names = [self.collector] if self.part == "sender" else [sender.name for sender in self.senders]
        return {f"{name}.{self.domain}" for name in names}

    def heard(self) -> list[str]:
        """Return the machines whose lines the collector keeps: the senders, and itself."""
        return sorted({self.collector, *(sender.name for sender in self.senders)}) if self.part == "collector" else []


def expected(params: Params, site: Site) -> list[Setting]:
    """Return the machine's side of the forwarding; nothing where the town has no collector, or for the other side."""
    collector = next(iter(site.city.hosts_with_role(COLLECTOR_ROLE)), None)
    if collector is None or (site.name == collector) != (params.part == "collector"):
        return []
    port = site.city.services[params.service].ranges()[0][0]
    side = Setting(part=params.part, port=port, collector=collector, domain=tls.machine_name(site.city, "").lstrip("."))
    if params.part == "collector":
        found = tuple(senders(site.city, collector))
        kept = {"senders": found, "silent_hours": params.silent_hours, "keep_days": params.keep_days}
        return [side.model_copy(update=kept)]
    sides = meeting(site.city, site.name, collector)
    return [side.model_copy(update={"address": str(sides[1].ipv4)})] if sides else []


def senders(city: City, collector: str) -> Iterator[Sender]:
    """Yield every machine that reaches the collector, which is not one of them."""
    for name in city.machines():
        sides = meeting(city, name, collector) if name != collector else None
        if sides:
            yield Sender(name=name, address=str(sides[0].ipv4))


def weakened(before: Params, after: Params) -> bool | None:
    """Tell whether a side is given up, silence is borne longer or lines are kept less; ways there are not ordered."""
    if before.part != after.part or after.silent_hours > before.silent_hours or after.keep_days < before.keep_days:
        return True
    return False if before.service == after.service else None


# Each sender's oldest file, the day of its last change, and the day of its first line: days alone leave the host.
_OLDEST = f"""\
find {_REMOTE} -xdev -type f -name '*.log*' -printf '%T+ %f\\n' | LC_ALL=C sort |
awk '{{ name = $2; sub(/\\.log.*/, "", name); if (!seen[name]++) print name, $2, substr($1, 1, 10) }}' |
while read -r name file day; do
  first=$(zcat -f {_REMOTE}/"$file" 2>/dev/null | head -n 1 | cut -c 1-10)
  case "$first" in [0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]) ;; *) first=$day ;; esac
  echo "$name $day $first"
done"""

# A file that changed after rsyslog started (but for the second in which it did) is not what runs.
_STALE = """\
started=$(systemctl show -p ActiveEnterTimestamp --value --timestamp=unix rsyslog.service)
find /etc/rsyslog.conf /etc/rsyslog.d /etc/beffroi/tls/*.crt -newermt "@$((${started#@} + 1))\""""


def observe(host: LiveHost, settings: Sequence[Setting]) -> dict[str, Any]:
    """Read rsyslog's configuration and sockets, each sender's newest line's age in seconds, its oldest line's day."""
    names = sorted({name for setting in settings for name in setting.heard()})
    newest = "; ".join(
        f"printf '{name} '; stat -c %Y {_files(name)} 2>/dev/null | sort -n | tail -1; echo" for name in names
    )
    seen = look(
        host,
        {
            "configuration": "rsyslogd -N1 -o /dev/stdout",
            "sockets": _patiently(settings) + "ss -Htuna --cgroup",
            "now": "date -u '+%s %F'",
            "newest": newest or "true",
            "oldest": _OLDEST if names else "true",
            "rotation": f"cat {_ROTATION}",
            "stale": _STALE,
        },
        may_fail=frozenset({"configuration", "rotation", "oldest", "stale"}),
    )
    return _facts({name: section.text for name, section in seen.items()}, valid=seen["configuration"].code == 0)


def _facts(seen: dict[str, str], *, valid: bool) -> dict[str, Any]:
    configuration = seen["configuration"]
    now, today = seen["now"].split()
    sockets = (line for line in seen["sockets"].splitlines() if _OWNER in line.split())
    return {
        "valid": valid,
        "forwards": [it for it in rsyslog.objects(configuration, "action") if it.get("type") == "omfwd"],
        "receivers": [it for it in rsyslog.objects(configuration, "module") if it.get("load") == "imtcp"],
        "inputs": [it for it in rsyslog.objects(configuration, "input") if it.get("type") != "imuxsock"],
        "legacy": rsyslog.legacy_lines(configuration),
        "dropped": rsyslog.discards(configuration, _FIRST_OURS if _FIRST_OURS in configuration else ""),
        "authorities": sorted({it[_CA] for it in rsyslog.objects(configuration, "global") if _CA in it}),
        "stale": [line for line in seen["stale"].split("\n") if line.startswith("/")],
        "sockets": [_socket(line) for line in sockets],
        "kept": [int(days) for days in _DAYS_KEPT.findall(seen["rotation"])],
        "ages": {name: int(now) - int(when) for name, when in _HEARD.findall(seen["newest"])},
        "today": today,
        "oldest": {each["name"]: min(each["changed"], each["first"]) for each in _OLD.finditer(seen["oldest"])},
    }


_DAYS_KEPT = re.compile(r"^\s*(?:rotate|maxage)\s+(\d{1,6})\s*$", re.MULTILINE)
"""The days that the collector keeps a sender's lines, by number of files and by age (logrotate(8))."""

_HEARD = re.compile(r"^(\S+) (\d+)$", re.MULTILINE)
_OLD = re.compile(r"^(?P<name>\S+) (?P<changed>[0-9-]{10}) (?P<first>[0-9-]{10})$", re.MULTILINE)


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
    return f"{_REMOTE}/{name}.log {_REMOTE}/{name}.log.1"


def _socket(line: str) -> list[str]:
    _, state, _, _, local, peer, *_ = line.split()
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
    forwards = facts["forwards"]
    found = [_shown(action) for action in forwards]
    reliable = facts["valid"] and found == [f"{collector} by tcp, queued on disk"]
    yield _finding(reliable, "forwarding", f"{collector} by tcp, queued on disk", ", ".join(found) or "none")
    yield from _protected(setting, facts, forwards[0] if forwards else {}, "streamdriver", "streamdriverpermittedpeers")
    yield from _in_force(facts)
    peers = [peer for state, _, peer in facts["sockets"] if state == "ESTAB"]
    yield _finding(set(peers) == {collector}, "connection", collector, ", ".join(peers) or "none")


def _shown(action: dict[str, str]) -> str:
    kept = "queued on disk" if action.get("queue.filename") else "not queued on disk"
    return f"{action.get('target', '?')}:{action.get('port', '514')} by {action.get('protocol', 'udp')}, {kept}"


def _protected(
    setting: Setting, facts: dict[str, Any], words: dict[str, str], driver: str, peers: str
) -> Iterator[Finding]:
    """Judge the TLS driver of a side, whom it takes, and by which authority; the two sides name things differently."""
    dot = "" if setting.part == "sender" else "."
    name = words.get(driver, "none")
    shown = f"{name}, mode {words.get(f'streamdriver{dot}mode', '0')}"
    yield _finding(shown == "gtls, mode 1", "TLS driver", "gtls, mode 1", shown)
    oldest = words.get("gnutlsprioritystring", "the library's own")
    yield _finding(oldest == _FLOOR, "TLS versions", _FLOOR, oldest)
    wanted, mode = ", ".join(sorted(setting.peers())), words.get(f"streamdriver{dot}authmode", "anon")
    named = ", ".join(sorted(filter(None, words.get(peers, "").split(","))))
    yield _finding(mode == "x509/name", "other side known by", "x509/name", mode)
    yield _finding(named == wanted, "other side's names", wanted, named or "any")
    expired = words.get("streamdriver.permitexpiredcerts", "warn")
    yield _finding(expired == "off", "expired certificates taken", "off", expired)
    authorities = ", ".join(facts["authorities"])
    yield _finding(authorities == tls.AUTHORITY_FILE, "authority", tls.AUTHORITY_FILE, authorities or "none")


def _in_force(facts: dict[str, Any]) -> Iterator[Finding]:
    yield _finding(facts["legacy"] == 0, "old-style lines, without TLS", "0", str(facts["legacy"]))
    yield _finding(facts["dropped"] == 0, "statements that throw lines away", "0", str(facts["dropped"]))
    yield _finding(not facts["stale"], "changed since it was read", "nothing", ", ".join(facts["stale"]) or "nothing")


def _collector(setting: Setting, facts: dict[str, Any]) -> Iterator[Finding]:
    open_ports = sorted(
        {local.rpartition(":")[2] for state, local, _ in facts["sockets"] if state in {"LISTEN", "UNCONN"}}
    )
    yield _finding(open_ports == [str(setting.port)], "listener", str(setting.port), ", ".join(open_ports) or "none")
    inputs = [f"{it.get('type', '?')} {it.get('port', '?')}" for it in facts["inputs"]]
    wanted = f"imtcp {setting.port}"
    yield _finding(facts["valid"] and inputs == [wanted], "input", wanted, ", ".join(inputs) or "none")
    receivers = facts["receivers"]
    receiver = receivers[0] if len(receivers) == 1 else {}
    yield from _protected(setting, facts, receiver, "streamdriver.name", "permittedpeer")
    yield from _in_force(facts)
    kept = facts["kept"]
    days = " and ".join(map(str, kept)) or "no rule"
    yield _finding(kept == [setting.keep_days] * 2, "kept for", f"{setting.keep_days} days", days)
    yield from _oldest_lines(setting, facts)
    for name in setting.heard():
        age = facts["ages"].get(name)
        fresh = age is not None and age <= setting.silent_hours * _HOUR
        observed = "never heard" if age is None else f"{age / _HOUR:.1f} h ago"
        yield _finding(fresh, name, f"heard within {setting.silent_hours} h", observed)


def _oldest_lines(setting: Setting, facts: dict[str, Any]) -> Iterator[Finding]:
    """Judge every file that is there, those of machines that no longer send included."""
    first = date.fromisoformat(facts["today"]) - timedelta(days=setting.keep_days)
    wanted = f"{setting.keep_days} days old at most"
    for name, day in facts["oldest"].items():
        yield _finding(date.fromisoformat(day) >= first, f"{name}: oldest line", wanted, day)
