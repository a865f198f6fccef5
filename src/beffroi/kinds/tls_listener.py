"""What a service shows to whoever connects: TLS of a good version, the machine's own certificate, and no clear text.

A handshake is made on the machine with its own address, as a client would: what runs is judged, not what is configured
(RFC 9325, recommendations for secure use of TLS).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from beffroi.city import City, Host
from beffroi.kinds import KindModel, SettingModel, Site
from beffroi.verdict import Finding, Outcome

from . import _handshake as shake
from . import _tls as tls
from ._order import Answer
from ._sections import look

if TYPE_CHECKING:
    from testinfra.host import Host as LiveHost

_START = {"direct": "", "postgresql": "postgres"}
_HTTP = "GET / HTTP/1.0\\r\\n\\r\\n"
_FIRST_BYTES = 12
_REFUSALS = {
    # To a request in clear, TLS answers with an alert (RFC 8446, section 6), web servers with "HTTP/1.1 400".
    "direct": ("15 03 ", "48 54 54 50 2f 31 2e 31 20 34 30 30"),
    # PostgreSQL's documentation, 55.7: an error, and never a request to log in.
    "postgresql": ("45 ",),
}

MEANS = {
    "units": "what is restarted when it does not show the certificate that is on disk; their own controls hold them",
    "account": "under which name clear text is tried",
    "database": "towards which database clear text is tried",
    "tls": "how TLS begins, which the service's own port decides",
}
"""Values that a pass need not tell from others, and why (beffroi.coverage)."""


class Params(KindModel):
    """`minimum`: the oldest version that may be spoken; `personal_data`: only services that such data is sent to."""

    minimum: shake.Minimum = "TLSv1.2"
    personal_data: bool = False


class Setting(SettingModel):
    """A service over TLS, where it is asked, and the name that its certificate must bear.

    `units`: what to restart when what runs is not what is on disk. `account`, `database`: with whose name a database is
    tried in clear.
    """

    service: str
    tls: str
    address: str
    port: int
    name: str
    minimum: shake.Minimum
    units: tuple[str, ...] = ()
    account: str = "beffroi"
    database: str = "postgres"

    @property
    def key(self) -> str:
        """Return the service."""
        return self.service

    def asked(self) -> str:
        """Return whom the questions are put to: answers of another are none of this one's."""
        return f"{self.name} at {self.address}:{self.port}"


def expected(params: Params, site: Site) -> list[Setting]:
    """Return the services over TLS that the machine offers at single ports; none where the town has no authority."""
    if tls.authority(site.city) is None:
        return []
    sent = _personal(site.city, site.name)
    offered = tls.offered(site.city, site.name).items()
    return [
        Setting(
            service=name,
            tls=str(service.tls),
            address=tls.addresses(site.machine)[0],
            port=service.ranges()[0][0],
            name=tls.machine_name(site.city, site.name),
            minimum=params.minimum,
            units=tls.units(site.machine),
            **_login(site),
        )
        for name, service in offered
        if name in sent or not params.personal_data
    ]


def _personal(city: City, machine: str) -> set[str]:
    """Return the services of a machine to which a flow of a processing activity leads."""
    own = {machine, *city.machine(machine).interfaces}
    return {flow.service for flow in city.flows if flow.processing and own & set(flow.destination)}


def _login(site: Site) -> dict[str, str]:
    """Return an account that is declared for a database of the machine, and that database."""
    stores = site.machine.stores.values() if isinstance(site.machine, Host) else ()
    logins = (
        {"account": account, "database": store.database.name}
        for store in stores
        if store.database
        for account in store.database.accounts
    )
    return next(logins, {})


def weakened(before: Params, after: Params) -> Answer:
    """Tell whether an older version may be spoken, or fewer services are asked."""
    return after.minimum < before.minimum or after.personal_data > before.personal_data


def observe(host: LiveHost, settings: Sequence[Setting]) -> dict[str, Any]:
    """Make a handshake with each service, try the versions that it must refuse, and speak to it in clear."""
    questions = {"openssl": "openssl version", "own": shake.own()}
    for number, setting in enumerate(settings):
        peer = shake.Peer(setting.address, setting.port, setting.name, _START[setting.tls])
        questions[f"shake-{number}"] = shake.handshake(peer)
        for version in shake.older(setting.minimum):
            questions[_asked(version, number)] = shake.refusal(peer, version)
        spoken = shake.plain(setting.address, setting.port, _clear_text(setting), _FIRST_BYTES)
        questions[f"clear-{number}"] = f"{spoken} | od -An -tx1"
    seen = look(host, questions, may_fail=frozenset(questions) - {"openssl"})
    services = {}
    for number, setting in enumerate(settings):
        answer, tried = seen[f"shake-{number}"], shake.older(setting.minimum)
        services[setting.service] = {
            "asked": setting.asked(),
            "protocol": shake.protocol(answer),
            "verified": shake.verified(answer),
            "served": shake.fingerprint(answer),
            "accepted": [it for it in tried if seen[_asked(it, number)].text.strip() != "refused"],
            "clear": " ".join(seen[f"clear-{number}"].text.split()),
        }
    return {"own": shake.fingerprint(seen["own"]), "services": services}


def _asked(version: str, number: int) -> str:
    return f"old-{number}-{version.lower().replace('.', '-')}"


def _clear_text(setting: Setting) -> str:
    if setting.tls != "postgresql":
        return _HTTP
    # PostgreSQL's documentation, 55.7, StartupMessage: length, protocol 3.0, then names and values.
    body = b"\x00\x03\x00\x00" + f"user\0{setting.account}\0database\0{setting.database}\0\0".encode()
    message = (len(body) + 4).to_bytes(4, "big") + body
    return "".join(f"\\x{byte:02x}" for byte in message)


def judge(settings: Sequence[Setting], facts: dict[str, Any]) -> list[Finding]:
    """Judge each service by what it showed."""
    return [finding for setting in settings for finding in _judge(setting, facts)]


def _judge(setting: Setting, facts: dict[str, Any]) -> Iterator[Finding]:
    seen = facts["services"].get(setting.service, {})
    where = f"{setting.service} at {setting.address}:{setting.port}"
    protocol = seen.get("protocol") or "no handshake"
    answered = bool(seen.get("protocol")) and seen.get("asked") == setting.asked()
    yield _finding(answered, f"{where}: handshake", f"{setting.minimum} at least", protocol)
    named = f"verifies for {setting.name}"
    yield _finding(seen.get("verified") is True, f"{where}: chain and names", named, "do not verify")
    same = bool(facts["own"]) and seen.get("served") == facts["own"]
    yield _finding(same, f"{where}: certificate", "the one on disk", "another, or none")
    accepted = seen.get("accepted")
    refused = ", ".join(shake.older(setting.minimum))
    shown = "nothing asked" if accepted is None else f"accepts {', '.join(accepted)}"
    yield _finding(accepted == [], f"{where}: older versions", f"refuses {refused}", shown)
    clear = seen.get("clear", "")
    # Silence is an answer of TLS too: what did not answer at all made no handshake either.
    good = clear.startswith(_REFUSALS[setting.tls]) or (setting.tls == "direct" and not clear)
    yield _finding(good, f"{where}: clear text", "refused", "answered" if clear else "no answer")


def _finding(good: bool, subject: str, wanted: str, observed: str) -> Finding:  # noqa: FBT001 - the finding's outcome
    outcome = Outcome.PASS if good else Outcome.FAIL
    return Finding(outcome=outcome, subject=subject, expected=wanted, observed=wanted if good else observed)
