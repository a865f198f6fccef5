"""A made-up verification of a made-up town, of any size: what the report's tests read."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from beffroi.city import City
from beffroi.control import Control
from beffroi.framework import Framework
from beffroi.report import Report
from beffroi.verdict import Capture, Finding, Observation, Outcome, Verdict
from beffroi.waiver import Waiver

START = datetime(2026, 11, 23, 21, 24, 5, tzinfo=UTC)
FAMILIES = (
    ("ssh", "sshd_option", "sshd -T"),
    ("kernel", "sysctl", "sysctl -a"),
    ("files", "file_mode", "stat -c '%a %U %G %n' /etc/shadow"),
    ("accounts", "account", "getent shadow"),
    ("data", "systemd_timer", "systemctl show purge.timer"),
)
ZONES = {
    "internet": "internet",
    "dmz": "exposed",
    "transit": "transit",
    "admin": "administration",
    "servers": "servers",
    "townhall": "users",
    "sensors": "devices",
}


def text(fr: str, en: str) -> dict[str, str]:
    return {"fr": fr, "en": en}


def _interfaces(last: int, *segments: str) -> dict[str, Any]:
    numbers = {name: number for number, name in enumerate(ZONES, start=1)}
    return {
        name: {
            "ipv4": f"10.{numbers[name]}.{last // 250}.{last % 250 + 1}",
            "ipv6": f"2001:db8:{numbers[name]}::{last + 1:x}",
        }
        for name in segments
    }


def _machine(fr: str, en: str, last: int, segments: tuple[str, ...], **more: object) -> dict[str, Any]:
    common = {"label": text(fr, en), "os": "debian-12", "responsible": "it", "services": ["ssh"]}
    return common | {"interfaces": _interfaces(last, *segments)} | more


def _segments() -> dict[str, Any]:
    return {
        name: {
            "label": text(f"Segment {name} de la ville", f"The town's {name} segment"),
            "vlan": number,
            "ipv4": f"10.{number}.0.0/16",
            "ipv6": f"2001:db8:{number}::/64",
            "zone": zone,
        }
        for number, (name, zone) in enumerate(ZONES.items(), start=1)
    }


def _hosts(count: int) -> dict[str, Any]:
    store = {"records": {"label": text("Base de l'état civil", "Civil status database"), "path": "/srv/records"}}
    hosts = {
        "bastion": _machine("Bastion d'administration", "Administration bastion", 10, ("admin",)),
        "web": _machine("Portail des démarches", "Online services portal", 11, ("dmz",), services=["ssh", "https"]),
        "db": _machine("Serveur de bases de données", "Database server", 12, ("servers",), stores=store),
    }
    more = {
        f"server-{number}": _machine(f"Serveur {number}", f"Server {number}", number + 20, ("servers",))
        for number in range(count - len(hosts))
    }
    return dict(list((hosts | more).items())[:count])


def _flow(name: str, source: str, destination: str, service: str, **more: object) -> dict[str, Any]:
    purpose = text(f"Flux {name}", f"Flow {name}")
    return {"name": name, "from": source, "to": destination, "service": service, "purpose": purpose} | more


def make_city(hosts: int = 3, **changes: object) -> City:
    """Two gateways in line, `hosts` machines, one fleet, four flows and one processing activity."""
    town: dict[str, Any] = {
        "town": {
            "name": "bourg",
            "label": text("Ville de Bourg-d'Essai", "Town of Bourg-d'Essai"),
            "population": 78000,
            "controller": "Commune de Bourg-d'Essai",
            "data_protection_officer": "it",
        },
        "functions": {"it": {"label": text("Direction informatique", "IT department")}},
        "segments": _segments(),
        "services": {
            "ssh": {"protocol": "tcp", "ports": ["22"], "encrypted": True},
            "https": {"protocol": "tcp", "ports": ["443"], "encrypted": True},
            "syslog": {"protocol": "tcp", "ports": ["514"]},
        },
        "gateways": {
            "edge": _machine("Pare-feu de bordure", "Edge firewall", 0, ("internet", "dmz", "transit")),
            "core": _machine(
                "Pare-feu de cœur", "Core firewall", 1, ("transit", "admin", "servers", "townhall", "sensors")
            ),
        },
        "hosts": _hosts(hosts),
        "fleets": {
            "air-sensors": {
                "label": text("Capteurs de l'air", "Air sensors"),
                "kind": "sensors",
                "segment": "sensors",
                "ipv4": "10.7.1.0/24",
                "ipv6": "2001:db8:7::100/120",
                "count": 48,
                "owner": "it",
            }
        },
        "flows": [
            _flow("public-to-portal", "internet", "web", "https", processing="civil-status"),
            _flow("staff-to-portal", "townhall", "web", "https", until="2027-06-30"),
            _flow("bastion-to-portal", "bastion", "web", "ssh"),
            _flow("logs", "edge", "bastion", "syslog"),
        ],
        "processing": {"civil-status": _activity()},
    }
    return City.model_validate(town | changes)


def _activity() -> dict[str, Any]:
    return {
        "label": text("Demandes d'actes d'état civil", "Requests for civil status certificates"),
        "purpose": text("Délivrer les actes demandés", "Deliver the certificates asked for"),
        "legal_basis": "legal-obligation",
        "responsible": "it",
        "data_subjects": [text("Demandeurs", "Applicants")],
        "categories": [{"label": text("Identité et filiation", "Identity and parentage"), "sensitive": True}],
        "stores": ["records"],
        "retention": {"duration": "30 days", "starts": text("délivrance de l'acte", "delivery of the certificate")},
        "security_measures": [text("Un compte par activité", "One account an activity")],
    }


def make_controls(count: int = 10) -> dict[str, Control]:
    """Controls of five families in turn, of every severity, mapped to one framework."""
    controls = {}
    for number in range(count):
        family, kind, _ = FAMILIES[number % len(FAMILIES)]
        control_id = f"{family}/requirement-{number}"
        controls[control_id] = Control.model_validate(
            {
                "id": control_id,
                "title": text(f"La règle {number} de {family} est tenue", f"Requirement {number} of {family} holds"),
                "rationale": text("Un compte nommé laisse une trace.", "A named account leaves a trace."),
                "severity": ("high", "medium", "low")[number % 3],
                "kind": kind,
                "maps": {"anssi-bp-028": [f"R{number}"]},
            }
        )
    return controls


def _outcome(host: int, control: Control, number: int) -> Outcome:
    if host == 4:  # the third host after two gateways: nobody could look at it
        return Outcome.ERROR
    if control.kind == "sysctl":
        return Outcome.NOT_APPLICABLE
    if (host * 7 + number * 13) % 20 == 4:
        return Outcome.FAIL
    return Outcome.WAIVED if (host * 11 + number * 3) % 97 == 33 else Outcome.PASS


_REASONS = {
    Outcome.ERROR: "no answer within 10 s (ssh exit code 255)",
    Outcome.NOT_APPLICABLE: "shared kernel",
    Outcome.WAIVED: "accepted until 2027-01-31 by it",
}


def _verdict(host: str, control: Control, outcome: Outcome) -> Verdict:
    finding = Finding(outcome=outcome, subject="PermitRootLogin", expected="no", observed="yes")
    holding = Finding(outcome=Outcome.PASS, subject="X11Forwarding", expected="no", observed="no")
    return Verdict(
        host=host,
        control=control.id,
        kind=control.kind,
        outcome=outcome,
        findings=(finding, holding) if outcome is Outcome.FAIL else (),
        reason=_REASONS.get(outcome, ""),
    )


def _observation(host: str, family: tuple[str, str, str], silent: bool) -> Observation:  # noqa: FBT001
    answer = "" if silent else "".join(f"{family[0]}option{number} value{number}\n" for number in range(60))
    stderr = "ssh: connect to host db port 22: No route to host\n" if silent else ""
    capture = Capture(
        host=host,
        command=family[2],
        stdout=answer,
        stderr=stderr,
        exit_code=255 if silent else 0,
        when=START + timedelta(seconds=2),
        seconds=0.03,
    )
    facts = None if silent else {"read": True}
    return Observation(host=host, kind=family[1], facts=facts, captures=(capture,))


def make_framework() -> Framework:
    """Twelve requirements: controls map to ten of those of a ten-control town, people alone see the last."""
    return Framework.model_validate(
        {
            "id": "anssi-bp-028",
            "title": text("ANSSI BP-028, GNU/Linux", "ANSSI BP-028, GNU/Linux"),
            "publisher": "ANSSI",
            "edition": "2.0",
            "status": "recommendation",
            "as_of": START.date(),
            "source": "https://cyber.gouv.fr/",
            "levels": {"minimal": text("minimal", "minimal")},
            "requirements": {
                f"R{number}": {
                    "title": text(f"Exigence {number}", f"Requirement {number}"),
                    "level": "minimal",
                    "seen_in": ["people" if number == 11 else "host"],
                }
                for number in range(12)
            },
        }
    )


def make_waiver(host: str, control: str, **changes: Any) -> Waiver:  # noqa: ANN401 - any of Waiver's fields
    """A waiver of a control on a machine, that still counts when `make_report` ends."""
    value: dict[str, Any] = {
        "control": control,
        "subject": host,
        "owner": "it",
        "approver": "dpo",
        "reason": text("Essai", "Trial"),
        "until": date(2027, 1, 31),
        "compensating": "a person looks every day",
    }
    return Waiver.model_construct(**(value | changes))


def make_report(hosts: int = 3, controls: int = 10, **changes: Any) -> Report:  # noqa: ANN401 - any of Report's fields
    """A verification in which the third host is silent, some controls fail, and every outcome but one occurs."""
    city = changes.pop("city", None) or make_city(hosts)
    asked = changes.pop("controls_asked", None) or make_controls(controls)
    machines = list(city.machines())
    value: dict[str, Any] = {
        "city": city,
        "controls": asked,
        "verdicts": tuple(
            _verdict(host, control, _outcome(place, control, number))
            for place, host in enumerate(machines)
            for number, control in enumerate(asked.values())
        ),
        "observations": tuple(
            _observation(host, family, silent=place == 4) for place, host in enumerate(machines) for family in FAMILIES
        ),
        "plan_digest": "sha256:" + "5e" * 32,
        "started": START,
        "finished": START + timedelta(seconds=17.4),
        "version": "0.1.0",
        "frameworks": {"anssi-bp-028": make_framework()},
    }
    return Report(**(value | changes))
