"""The broker to which the town's sensors bring their readings: Mosquitto, over TLS alone, an account a device.

A device may write to its fleet's declared topics and read nothing; the account that passes readings on may read
them and write nothing. Looked at: the configuration whole, that it was read since it changed, the sockets that are
open, and of accounts and topics a count and a digest. No password, hash or reading leaves the host
(mosquitto.conf(5)).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

from beffroi.kinds import KindModel, SettingModel, Site
from beffroi.kinds._findings import finding_or_none as _finding
from beffroi.verdict import Finding

from . import _tls as tls
from ._order import Answer
from ._sections import look
from ._units import units_shown

if TYPE_CHECKING:
    from testinfra.host import Host as LiveHost

READER = "readings"
"""The account that reads what devices write, to pass it on."""

_UNIT = "mosquitto.service"
_FOLDER = "/etc/mosquitto"
CONFIGURATION, ACCOUNTS, TOPICS = (
    f"{_FOLDER}/{name}" for name in ("mosquitto.conf", "beffroi-accounts", "beffroi-topics")
)
_COMMAND = f"/usr/sbin/mosquitto -c {CONFIGURATION}"
_SPARE_CONNECTIONS = 16


Version = Literal["tlsv1.2", "tlsv1.3"]


class Params(KindModel):
    """`service`: the name of the service by which fleets reach the broker; `minimum`: the oldest TLS that it speaks."""

    service: str = "mqtts"
    minimum: Version = "tlsv1.2"


class FleetTopics(KindModel):
    """A fleet's devices and what each of them may write; `%u` stands for the device's account."""

    fleet: str
    count: int
    topics: tuple[str, ...]

    def accounts(self) -> list[str]:
        """Return the devices' accounts: the fleet's name and a number, of two digits at least."""
        digits = max(2, len(str(self.count)))
        return [f"{self.fleet}-{number:0{digits}d}" for number in range(1, self.count + 1)]


class Setting(SettingModel):
    """The port, who may write what, and the account that may read it all; accounts follow from each fleet's count."""

    port: int
    reader: str
    minimum: Version = "tlsv1.2"
    fleets: tuple[FleetTopics, ...]

    @property
    def key(self) -> str:
        """Return what this is: a machine has one broker."""
        return "broker"

    def accounts(self) -> list[str]:
        """Return every account that there must be."""
        return [*(name for fleet in self.fleets for name in fleet.accounts()), self.reader]

    def directives(self) -> list[str]:
        """Return the configuration, line by line; whatever it does not say stays as Mosquitto has it."""
        return [
            f"listener {self.port}",
            f"cafile {tls.AUTHORITY_FILE}",
            f"certfile {tls.CERTIFICATE_FILE}",
            f"keyfile {tls.KEY_FILE}",
            f"tls_version {self.minimum}",
            "allow_anonymous false",
            f"password_file {ACCOUNTS}",
            f"acl_file {TOPICS}",
            "use_username_as_clientid true",
            f"max_connections {len(self.accounts()) + _SPARE_CONNECTIONS}",
            "max_packet_size 4096",
            "upgrade_outgoing_qos true",
            "max_queued_messages 20000",
            "max_queued_bytes 8388608",
            "persistent_client_expiration 1h",
            "persistence false",
            "retain_available false",
            "connection_messages true",
            "log_dest syslog",
            "log_type error",
            "log_type warning",
            "log_type notice",
        ]

    def topics(self) -> str:
        """Return the whole file of who may write and read what: nobody else may do anything (mosquitto.conf(5))."""
        return "".join(f"{line}\n" for line in self._topics())

    def _topics(self) -> Iterator[str]:
        for fleet in self.fleets:
            for account in fleet.accounts():
                yield f"user {account}"
                yield from (f"topic write {topic.replace('%u', account)}" for topic in fleet.topics)
        yield f"user {self.reader}"
        # One level in the device's place, and no more: what no device may write is not read either.
        yield from (f"topic read {topic.replace('%u', '+')}" for fleet in self.fleets for topic in fleet.topics)


def expected(params: Params, site: Site) -> list[Setting]:
    """Return the broker that the machine is, for the fleets that a flow leads to it and that have topics."""
    service = site.city.services.get(params.service)
    if service is None or params.service not in site.machine.services:
        return []
    here = {site.name, *site.machine.interfaces}
    sources = {
        name
        for flow in site.city.flows
        if flow.service == params.service and here & set(flow.destination)
        for name in flow.source
    }
    fleets = tuple(
        FleetTopics(fleet=name, count=fleet.count, topics=fleet.topics)
        for name, fleet in site.city.fleets.items()
        if fleet.topics and sources & {name, fleet.segment}
    )
    return [Setting(port=service.ranges()[0][0], reader=READER, minimum=params.minimum, fleets=fleets)]


def weakened(before: Params, after: Params) -> Answer:
    """Tell whether an older TLS is spoken; two services are not ordered."""
    if after.minimum < before.minimum:
        return True
    return False if before.service == after.service else None


# The second in which it started is not counted: the role writes, then starts it.
_STALE = f"""\
started=$(systemctl show -p ActiveEnterTimestamp --value --timestamp=unix {_UNIT})
find {CONFIGURATION} {ACCOUNTS} {TOPICS} {tls.CERTIFICATE_FILE} -newermt "@$((${{started#@}} + 1))\""""


def observe(host: LiveHost, settings: Sequence[Setting]) -> dict[str, Any]:  # noqa: ARG001 - one question for all
    """Read the configuration, sockets, systemd's view of the service; count and digest accounts and topics."""
    seen = look(
        host,
        {
            "unit": f"systemctl show -p Id,ActiveState,UnitFileState,ExecStart {_UNIT}",
            "sockets": "ss -Htuna --cgroup",
            "configuration": f"cat {CONFIGURATION}",
            "accounts": f"cut -d: -f1 {ACCOUNTS} | LC_ALL=C sort | sha256sum",
            "count": f"grep -c . {ACCOUNTS}",
            "weak": f"grep -vc '^[^:]*:[$]7[$][0-9]*[$]' {ACCOUNTS}",
            "topics": f"sha256sum < {TOPICS}",
            "wide": f"grep -c '#' {TOPICS}",
            "held": f"stat -c '%n %U:%G %a' {CONFIGURATION} {ACCOUNTS} {TOPICS}",
            "stale": _STALE,
        },
        may_fail=frozenset({"configuration", "accounts", "count", "weak", "topics", "wide", "held", "stale"}),
    )
    return _facts({name: section.text.strip() for name, section in seen.items()})


def _facts(seen: dict[str, str]) -> dict[str, Any]:
    sockets = (line.split() for line in seen["sockets"].splitlines() if f"system.slice/{_UNIT}" in line)
    lines = (line.strip() for line in seen["configuration"].splitlines())
    return {
        "unit": units_shown(seen["unit"]).get(_UNIT, {}),
        "ports": sorted({words[4].rpartition(":")[2] for words in sockets if words[1] in {"LISTEN", "UNCONN"}}),
        "directives": [" ".join(line.split()) for line in lines if line and not line.startswith("#")],
        "accounts": seen["accounts"].split(" ")[0],
        "count": seen["count"],
        "weak": seen["weak"],
        "topics": seen["topics"].split(" ")[0],
        "wide": seen["wide"],
        "held": dict(line.split(" ", 1) for line in seen["held"].splitlines() if line.startswith("/")),
        "stale": [line for line in seen["stale"].splitlines() if line.startswith("/")],
    }


def judge(settings: Sequence[Setting], facts: dict[str, Any]) -> list[Finding]:
    """Judge the service, its configuration, its accounts and its topics."""
    return [finding for setting in settings for finding in _judge(setting, facts)]


def _judge(setting: Setting, facts: dict[str, Any]) -> Iterator[Finding]:
    unit = facts["unit"]
    state = f"{unit.get('UnitFileState') or 'absent'}, {unit.get('ActiveState', 'unknown')}"
    yield _finding(state == "enabled, active", _UNIT, "enabled, active", state)
    command = unit.get("ExecStart", "")
    yield _finding(f"argv[]={_COMMAND} ;" in command, f"{_UNIT}: command", _COMMAND, command)
    yield _finding(not facts["stale"], "changed since it was read", "nothing", ", ".join(facts["stale"]) or "nothing")
    ports = ", ".join(facts["ports"])
    yield _finding(ports == str(setting.port), "listens on", str(setting.port), ports)
    yield from _configuration(setting.directives(), facts["directives"])
    names = setting.accounts()
    yield _finding(facts["count"] == str(len(names)), "accounts", str(len(names)), facts["count"])
    wanted = _digest(f"{name}\n" for name in sorted(names))
    yield _finding(facts["accounts"] == wanted, "accounts' names", f"sha256:{wanted}", f"sha256:{facts['accounts']}")
    yield _finding(facts["weak"] == "0", "passwords not kept as PBKDF2", "0", facts["weak"])
    wanted = _digest([setting.topics()])
    yield _finding(facts["topics"] == wanted, "who writes what", f"sha256:{wanted}", f"sha256:{facts['topics']}")
    yield _finding(facts["wide"] == "0", "topics without bounds (#)", "0", facts["wide"])
    for path, held in (
        (CONFIGURATION, "root:root 644"),
        (ACCOUNTS, "root:mosquitto 640"),
        (TOPICS, "root:mosquitto 640"),
    ):
        found = facts["held"].get(path, "absent")
        yield _finding(found == held, path, held, found)


def _configuration(wanted: list[str], found: list[str]) -> Iterator[Finding]:
    """Judge each directive that must be there, then those that must not: one more may undo all the others."""
    for directive in wanted:
        name = directive.split(" ", 1)[0]
        same = [line for line in found if line.split(" ", 1)[0] == name]
        yield _finding(directive in found, name, directive, "; ".join(same) or "unset")
    others = list(found)
    for directive in wanted:
        if directive in others:
            others.remove(directive)
    yield _finding(not others, "other directives", "none", "; ".join(others) or "none")


def _digest(texts: Iterable[str]) -> str:
    return hashlib.sha256("".join(texts).encode()).hexdigest()
