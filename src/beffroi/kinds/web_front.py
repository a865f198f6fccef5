"""The citizens' door: nginx over TLS, what comes in clear sent there, and an application whose certificate it checks.

Looked at: the site's file and that it is alone, the answers that nginx gives in clear and over TLS, and whether its log
holds what stands behind the question mark of an address (personal data has no place there).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from beffroi.city import City
from beffroi.kinds import KindModel, SettingModel, Site
from beffroi.kinds._findings import finding as _finding
from beffroi.network.routing import meeting
from beffroi.verdict import Finding

from . import _handshake as shake
from . import _tls as tls
from . import _web_front_files as front
from . import _written as written
from ._order import Answer
from ._sections import look

if TYPE_CHECKING:
    from testinfra.host import Host as LiveHost

_UNIT = "nginx.service"
_HTTP, _MOVED, _OK = 80, 301, 200
_SHOWN = ("ActiveState", "UnitFileState")
# A request as our log writes it, with a question mark in it: counted, never shown.
_QUERY = r'"[A-Z]+ [^" ]*\?'

MEANS = {"application": "the name of the machine behind, which the site's file and its name follow"}
"""Values that a pass need not tell from others, and why (beffroi.coverage)."""


class Params(KindModel):
    """`service`, `upstream`: the services at the door and behind it; `minimum`: the oldest version of TLS.

    `hsts_days`: for how long browsers are told to come back over TLS alone (RFC 6797).
    """

    service: str = "https"
    upstream: str = "app"
    minimum: shake.Minimum = "TLSv1.2"
    hsts_days: Annotated[int, Field(ge=1, le=730)] = 365


class Setting(SettingModel):
    """The site: where it is asked, under which name, the headers of its answers, and its file.

    `application`: the machine behind the door; empty where the town has none yet.
    """

    address: str
    port: int
    name: str
    application: str
    minimum: shake.Minimum
    headers: dict[str, str]
    files: tuple[written.Written, ...]

    @property
    def key(self) -> str:
        """Return the site's file: a machine has one door."""
        return front.SITE

    def asked(self) -> str:
        """Return whom the questions are put to: answers of another are none of this one's."""
        return f"{self.name} at {self.address}:{self.port}"


def expected(params: Params, site: Site) -> list[Setting]:
    """Return the site, on a machine that offers the service; nothing where it does not, or has no certificate."""
    if params.service not in site.machine.services or not tls.authority(site.city):
        return []
    port = site.city.services[params.service].ranges()[0][0]
    behind, upstream = _application(site, params.upstream)
    name = tls.machine_name(site.city, behind) if behind else ""
    text = front.site(port, params.minimum, params.hsts_days, upstream, name)
    setting = Setting(
        address=tls.addresses(site.machine)[0],
        port=port,
        name=tls.machine_name(site.city, site.name),
        application=behind,
        minimum=params.minimum,
        headers=front.headers(params.hsts_days),
        files=(written.Written(path=front.SITE, text=text),),
    )
    return [setting]


def _application(site: Site, service: str) -> tuple[str, str]:
    """Return the machine that offers the application, and its address and port as this machine reaches it."""
    city: City = site.city
    for name, machine in city.machines().items():
        if service in machine.services and city.services[service].tls:
            port = city.services[service].ranges()[0][0]
            if name == site.name:
                return name, f"{tls.addresses(machine)[0]}:{port}"
            if sides := meeting(city, site.name, name):
                return name, f"{sides[1].ipv4}:{port}"
    return "", ""


def weakened(before: Params, after: Params) -> Answer:
    """Tell whether an older version may be spoken, or browsers forget sooner; services are not ordered."""
    if after.minimum < before.minimum or after.hsts_days < before.hsts_days:
        return True
    return False if (before.service, before.upstream) == (after.service, after.upstream) else None


def observe(host: LiveHost, settings: Sequence[Setting]) -> dict[str, Any]:
    """Read the site's file and what stands beside it, and ask nginx in clear and over TLS."""
    (setting,) = settings
    peer = shake.Peer(setting.address, setting.port, setting.name)
    old = {f"old-{version.lower().replace('.', '-')}": version for version in shake.older(setting.minimum)}
    redirect = shake.plain(setting.address, _HTTP, "HEAD /x?y=z HTTP/1.0\\r\\n\\r\\n", 2000)
    questions = {
        "files": written.question(it.path for it in setting.files),
        "sites": f"find {' '.join(front.FOLDERS)} ! -type d | sort",
        "unit": f"systemctl show -p {','.join(_SHOWN)} {_UNIT}",
        "clear": redirect,
        "tls": shake.request(peer, "HEAD /"),
        "through": shake.request(peer, "HEAD /health"),
        "queries": f"cat {front.LOG} {front.LOG}.1 2> /dev/null | grep -cE '{_QUERY}'",
        **{name: shake.refusal(peer, version) for name, version in old.items()},
    }
    may_fail = frozenset({"sites", "clear", "tls", "through", "queries", *old})
    seen = look(host, questions, may_fail=may_fail)
    return {
        "asked": setting.asked(),
        "files": written.answer(seen["files"]),
        "sites": seen["sites"].lines(),
        "unit": dict(line.split("=", 1) for line in seen["unit"].lines()),
        "clear": {"status": shake.status(seen["clear"]), "headers": shake.headers(seen["clear"])},
        "tls": {"status": shake.status(seen["tls"]), "headers": shake.headers(seen["tls"])},
        "through": shake.status(seen["through"]),
        "queries": int(seen["queries"].text.strip() or "0"),
        "accepted": [version for name, version in old.items() if seen[name].text.strip() != "refused"],
    }


def judge(settings: Sequence[Setting], facts: dict[str, Any]) -> list[Finding]:
    """Judge the file, the service and its answers."""
    return [finding for setting in settings for finding in _judge(setting, facts)]


def _judge(setting: Setting, facts: dict[str, Any]) -> Iterator[Finding]:
    yield from written.findings(setting.files, facts["files"])
    wanted = [file.path for file in setting.files]
    yield _finding(facts["sites"] == wanted, "sites", ", ".join(wanted), ", ".join(facts["sites"]) or "none")
    state = ", ".join(facts["unit"].get(name, "unknown") for name in _SHOWN)
    yield _finding(state == "active, enabled", _UNIT, "active, enabled", state)
    clear, where = facts["clear"], f"tcp/{_HTTP}"
    target = clear["headers"].get("location", "")
    moved = clear["status"] == _MOVED and target.startswith("https://")
    yield _finding(moved, where, f"{_MOVED} to https", f"{clear['status']} to {target or 'nowhere'}"[:100])
    yield from _over_tls(setting, facts)
    yield _finding(facts["queries"] == 0, "requests logged with their query", "0", str(facts["queries"]))


def _over_tls(setting: Setting, facts: dict[str, Any]) -> Iterator[Finding]:
    where, found = f"tcp/{setting.port}", facts["tls"]["headers"]
    yield _finding(facts["asked"] == setting.asked(), "asked", setting.asked(), str(facts["asked"]))
    for name, value in setting.headers.items():
        observed = found.get(name.lower(), "absent")
        yield _finding(observed == value, f"{where}: {name}", value, observed[:200])
    server = found.get("server", "absent")
    yield _finding(server == "nginx", f"{where}: Server", "nginx", server[:200])
    accepted = ", ".join(facts["accepted"]) or "none"
    yield _finding(not facts["accepted"], f"{where}: older versions of TLS", "none", accepted)
    if setting.application:
        status = facts["through"]
        yield _finding(status == _OK, f"{where}: {setting.application} behind it", str(_OK), str(status or "no answer"))
